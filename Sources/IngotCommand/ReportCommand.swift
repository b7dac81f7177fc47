// SPDX-License-Identifier: Apache-2.0
// `ingot report`.
import ArgumentParser
import IngotReport

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Make a page that shows all of a checkpoint.",
    discussion: """
      The page is one file of HTML that asks for nothing from anywhere: sizes, the graph with repeated blocks folded, \
      statistics, histograms and outliers of each tensor, how it is quantized; searched and sorted where scripts run, and \
      whole where they do not. All of that takes one pass over the weights; what is asked for besides reads them again.

      OTHER is the original of a quantized, cast or tuned model: the page then shows what differs, as `ingot diff OTHER \
      MODEL` finds it, and the error of each tensor. With --text it has the perplexity, and with OTHER the divergence, that \
      `ingot eval` finds. Of very many tensors the largest are listed, and what is left out is counted.

      EXAMPLES
        ingot report gpt2/ -o gpt2.html
        ingot report gpt2-int8.ingot gpt2/ --text story.txt -o int8.html
        ingot report before.safetensors after.safetensors -o - > page.html
      """)

  @Argument(help: "A checkpoint: a file, a shard index, or a folder.", completion: .path)
  var model: String

  @Argument(help: "Another, which stands for the original.", completion: .path)
  var other: String?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The page; - for standard output.", valueName: "file"),
    completion: .path)
  var output: String

  @Flag(name: .long, help: "Replace an existing page.")
  var force = false

  @OptionGroup var source: TextArguments

  @Option(name: .long, help: "Tokens from one window to the next, as transformers has them.")
  var stride: Int?

  @Option(name: .long, help: "The arithmetic of --text and --tokens, as of `ingot eval` (default: auto).")
  var precision: Precision?

  @OptionGroup var loading: LoadArguments
  @OptionGroup var threads: JobOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if source.text != nil, source.tokens != nil { throw ValidationError("Give a text or tokens, not both.") }
    if let stride, stride < 1 { throw ValidationError("The stride is at least 1.") }
    let needless = [
      ("--stride", stride != nil), ("--precision", precision != nil),
      ("--allow-nonfinite", loading.soundness.allowsNonFinite), ("--tie", loading.soundness.head.tie),
      ("--untie", loading.soundness.head.untie),
    ].filter(\.1).map(\.0)
    if source.text == nil, source.tokens == nil, let option = needless.first {
      throw ValidationError("\(option) goes with --text or --tokens.")
    }
  }

  func run() throws {
    var options = ReportOptions()
    (options.text, options.tokens, options.stride) = (source.text, source.tokens, stride)
    options.run = try loading.options(precision ?? .auto)
    options.run.work.jobs = threads.jobs
    let (report, byteCount) = try Ingot.report(
      model, against: other, to: output, force: force, options: options, progress: global.progress,
      render: ModelPage.html)
    global.print(besides: output, json: { PageText.json(report, output: output, byteCount: byteCount) }) {
      PageText.lines(report, output: output, byteCount: byteCount, style: $0)
    }
  }
}
