// SPDX-License-Identifier: Apache-2.0
// `ingot init`.
import ArgumentParser
import IngotBytes
import IngotReport

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make an untrained model from a seed.",
    discussion: """
      By each paper's initialization: deviation 0.02; in GPT-2 0.02 / √N for weights that write to the residual stream, N \
      being the number of residual additions. The same seed gives the same bytes on every machine.

      \(understoodModels)

      EXAMPLES
        ingot init gpt2 --preset gpt2 --seed 1 random/
        ingot init gpt2 --config small.json --dtype bf16 small.ingot
        ingot init bert --preset bert-base random-bert/
      """)

  @Argument(help: "The architecture: \(architectureNames).", completion: .architectures)
  var architecture: String

  @Argument(help: "The output: a file or a folder (ends in /).", completion: .path)
  var output: String

  @Option(name: .long, help: "A published size.")
  var preset: ModelPreset?

  @Option(
    name: .long, help: ArgumentHelp("A config.json with the numbers of another size.", valueName: "file"),
    completion: .path, transform: wholeFile)
  var config: String?

  @Option(name: .long, help: "What the values are made from.")
  var seed: UInt64 = 0

  @Option(name: .long, help: "What values are rounded to.")
  var dtype: DType?

  @Option(
    name: .customLong("to"), help: "The output's format; without it, its extension tells.",
    completion: .writtenFormats)
  var format: String?

  @Option(
    name: .customLong("shard-size"),
    help: ArgumentHelp(
      "Cut the output into files of at most so many bytes: 5GB, 500MiB; the output is a folder, and its name no file's.",
      valueName: "bytes"), transform: ByteCount.init)
  var shardSize: ByteCount?

  @Flag(name: .long, help: "Replace an existing output.")
  var force = false

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard Ingot.models.contains(where: { $0.id == architecture }) else {
      throw ValidationError(
        "There is no architecture \(ErrorRenderer.name(architecture)); known are \(architectureNames).")
    }
    guard (preset == nil) != (config == nil) else {
      throw ValidationError("Give either --preset or --config.")
    }
  }

  func run() throws {
    var settings = InitializeOptions()
    settings.preset = preset
    settings.config = config
    settings.seed = seed
    settings.dtype = dtype
    settings.format = format
    settings.shardByteLimit = shardSize?.value
    settings.force = force
    let start = Process.monotonicSeconds
    let report = try Ingot.initialize(architecture, to: output, options: settings, progress: global.progress)
    let seconds = Process.monotonicSeconds - start
    global.print(besides: output, json: { InitializationText.json(report) }) {
      InitializationText.lines(report, seconds: seconds, style: $0)
    }
  }
}

extension ModelPreset: ExpressibleByArgument {
  /// The preset of a name.
  public init?(argument: String) {
    guard let preset = Self.named(argument) else { return nil }
    self = preset
  }

  /// The names of all presets.
  public static var allValueStrings: [String] { all.map(\.name) }

  /// The same.
  public static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}
