// SPDX-License-Identifier: Apache-2.0
// `ingot sensitivity`.
import ArgumentParser
import IngotReport

struct SensitivityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sensitivity",
    abstract: "Measure what quantizing each weight costs a model.",
    discussion: """
      Each weight is put into the model in int8, one scale an output channel, alone; its KL is the mean over the text's tokens of how far the distribution \
      of what comes next moves from the model's own. What other schemes cost is as much more or less as their rounding moves what the weight's product \
      gives on the text. Below the table stand mixtures of schemes that are best for their bytes, with the sum of what their weights cost.

      -o keeps the table (JSON Lines), by which `ingot quantize` keeps a budget without measuring again: --max-bits, --max-size or --max-kl with \
      --sensitivities. A run over the text for each weight may take long: with --resume a stopped run leaves what it has measured, and the next one goes on.

      \(understoodModels)

      EXAMPLES
        ingot sensitivity gpt2/ --text story.txt
        ingot sensitivity gpt2/ --text story.txt -o gpt2.jsonl --resume
        ingot sensitivity gpt2/ --tokens heldout.npy --calibrated --all
      """)

  @Argument(help: "The model: a file, a shard index, or a folder.", completion: .path)
  var model: String

  @OptionGroup var source: TextArguments

  @Option(
    name: .customLong("token-limit"),
    help: ArgumentHelp("The most tokens that the model runs on for each weight.", valueName: "count"))
  var tokenLimit = SensitivityOptions().tokenLimit

  @Flag(
    name: .long, help: "Tell what weights cost that are rounded with error feedback, as --calibrate does.")
  var calibrated = false

  @Option(name: .customLong("scale-dtype"), help: "How scales of groups are going to be stored.")
  var scaleDType: ScaleDType = .f16

  @Option(
    name: [.customShort("o"), .long], help: ArgumentHelp("Keep the table in a file.", valueName: "file"),
    completion: .path)
  var output: String?

  @Flag(name: .long, help: "Go on with what a stopped run has measured; stopped, keep that.")
  var resume = false

  @Flag(name: .long, help: "List all weights, and not only those that cost most.")
  var all = false

  @Flag(name: .long, help: "Replace an existing table.")
  var force = false

  @OptionGroup var loading: LoadArguments
  @OptionGroup var threads: JobOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    try source.requireOne()
    if resume, output == nil { throw ValidationError("--resume goes with -o FILE.") }
    if force, output == nil {
      throw ValidationError("--force goes with -o FILE: nothing is replaced without it.")
    }
  }

  func run() throws {
    let run = try loading.options(.fp32)
    var settings = SensitivityOptions()
    settings.tokenLimit = tokenLimit
    settings.isCalibrated = calibrated
    settings.scaleDType = scaleDType.dtype ?? .f16
    (settings.force, settings.resumes) = (force, resume)
    (settings.config, settings.allowances, settings.reading) = (run.config, run.allowances, run.reading)
    settings.work = loading.reading.work(threads)
    let report =
      if let text = source.text {
        try Ingot.sensitivity(model, text: text, to: output, options: settings, progress: global.progress)
      } else {
        try Ingot.sensitivity(
          model, tokens: source.tokens ?? "", to: output, options: settings, progress: global.progress)
      }
    global.print(json: { SensitivityText.json(report) }) {
      SensitivityText.lines(report, listsAll: all, style: $0)
    }
  }
}
