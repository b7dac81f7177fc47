// SPDX-License-Identifier: Apache-2.0
// `ingot validate`.
import ArgumentParser
import IngotReport

/// Options of commands that need a model, not only tensors.
struct ModelOptions: ParsableArguments {
  @Option(
    name: .long, help: ArgumentHelp("The config, when it is not beside the weights.", valueName: "file"),
    completion: .path, transform: wholeFile)
  var config: String?
}

/// Which head is meant where another is stored than the config says.
struct HeadOptions: ParsableArguments {
  @Flag(
    name: .long,
    help: "Take the token embedding for the head where another is stored beside a config that says tied.")
  var tie = false

  @Flag(name: .long, help: "Take the head that is stored, whatever the config says.")
  var untie = false

  func validate() throws {
    if tie, untie { throw ValidationError("--tie and --untie exclude each other.") }
  }

  var head: HeadTie { tie ? .tie : untie ? .untie : .asIs }
}

/// What a model is computed with though `validate` rejects it.
struct AllowanceOptions: ParsableArguments {
  @OptionGroup var head: HeadOptions

  @Flag(
    name: .customLong("allow-nonfinite"),
    help:
      "Go on with weights and outputs that are NaN or infinite; weights that are quantized, and scores that a token is chosen by, have to be numbers."
  )
  var allowsNonFinite = false

  var allowances: Allowances {
    var allowances = Allowances()
    allowances.head = head.head
    allowances.nonFinite = allowsNonFinite
    return allowances
  }
}

extension RunOptions {
  /// Puts together what the options of a command say.
  init(
    _ precision: Precision, _ model: ModelOptions, _ soundness: AllowanceOptions, _ reading: ReadingOptions
  ) throws {
    self.init(precision: precision)
    config = model.config
    allowances = soundness.allowances
    self.reading = try reading.options()
    work = reading.work()
  }
}

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Say whether a checkpoint is a complete, legal model.",
    discussion: """
      Reports everything at once: missing, unexpected and misshapen tensors, NaN and infinities, tied weights that are \
      not tied, a config that contradicts the weights. Exits with 1 when there is an error. NaN and infinities are found in \
      any checkpoint, whether its model is known or not; one that has none, and of which no model is known, is not called valid: it ends \
      with 65 or 66.

      \(understoodModels)

      EXAMPLES
        ingot validate gpt2/
        ingot validate model.npz --config config.json --json
        ingot validate model.safetensors --config gpt2/config.json
      """)

  @Argument(help: "The model: a file, a shard index, or a folder.", completion: .path)
  var model: String

  @OptionGroup var options: ModelOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var global: GlobalOptions

  func run() throws {
    var settings = ValidateOptions()
    settings.config = options.config
    settings.reading = try reading.options()
    settings.work = reading.work()
    let report = try Ingot.validate(model, options: settings, progress: global.progress)
    global.print(json: { ValidationText.json(report) }) { ValidationText.lines(report, style: $0) }
    if !report.isValid { throw CheckFailed() }
  }
}
