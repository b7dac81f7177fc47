// SPDX-License-Identifier: Apache-2.0
// `ingot diff`.
import ArgumentParser
import IngotReport

extension DiffReport.Change {
  /// What changes are sorted by: what has no number comes first.
  fileprivate var distance: Double { maxAbs.map { $0.isNaN ? .infinity : $0 } ?? .infinity }
}

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two checkpoints tensor by tensor.",
    discussion: """
      Exits with 1 when they differ. Models of different dialects are compared by what their parameters are for. Of quantized \
      tensors the numbers are compared that they stand for. A tensor that is the other cast to a smaller dtype is named as \
      such, and one that is equal under another name with that name. Lines that are alike fold into one with the worst of \
      their figures and its place.

      EXAMPLES
        ingot diff model.safetensors model.npz
        ingot diff gpt2/ gpt2-bf16/
        ingot diff gpt2/ gpt2.gguf
        ingot diff before.npz after.npz --tolerance 1e-6 --sort
        ingot diff before.npz after.npz --include 'h.*.attn.*' --all
      """)

  @Argument(help: "A checkpoint.", completion: .path)
  var first: String

  @Argument(help: "Another.", completion: .path)
  var second: String

  @Option(name: .long, help: "The largest absolute difference that still counts as equal.")
  var tolerance: Double?

  @Flag(name: .long, help: "List the largest differences first.")
  var sort = false

  @Flag(name: .long, help: "List each tensor instead of folding those that are alike.")
  var all = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Which of several weight files of the second to read; without it --from is for both.", valueName: "name"
    ))
  var secondFrom: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Compare models by what parameters are for, in this dialect's names; keep compares stored names.",
      valueName: "dialect"), completion: .dialectsAndKeep)
  var dialect: String?

  @OptionGroup var selection: SelectionOptions
  @OptionGroup var model: ModelOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if model.config != nil, dialect?.lowercased() == "keep" {
      throw ValidationError("--config is for models, and --dialect keep compares stored names.")
    }
    if let tolerance, !(tolerance >= 0) {
      throw ValidationError("The tolerance is a number of at least 0.")
    }
  }

  func run() throws {
    var options = DiffOptions()
    options.tolerance = tolerance
    options.selection = selection.selection
    options.reading = try reading.options()
    options.secondFileName = secondFrom
    options.work = reading.work()
    options.dialect = dialect
    options.config = model.config
    var report = try Ingot.diff(first, second, options: options, progress: global.progress)
    if sort { report.changed.sort { $0.distance > $1.distance } }
    global.print(json: { JSONText.diff(report) }) {
      let files = (options.reading.fileName, options.secondFileName ?? options.reading.fileName)
      return DiffText.lines(report, files: files, isUnfolded: all, style: $0)
    }
    if !report.isEqual { throw CheckFailed() }
  }
}
