// SPDX-License-Identifier: Apache-2.0
// `ingot graph`.
import ArgumentParser
import IngotReport

struct GraphCommand: ParsableCommand {
  /// How the graph is drawn.
  enum Form: String, ExpressibleByArgument, CaseIterable {
    case text, dot, json
  }

  static let configuration = CommandConfiguration(
    commandName: "graph",
    abstract: "Draw the model's graph.",
    discussion: """
      \(understoodModels)

      EXAMPLES
        ingot graph gpt2/
        ingot graph gpt2/ --format dot | dot -Tsvg > gpt2.svg
      """)

  @Argument(help: "The model: a file, a shard index, or a folder.", completion: .path)
  var model: String

  @Option(name: .long, help: "The form (default: text).")
  var format: Form?

  @OptionGroup var options: ModelOptions
  @OptionGroup var reading: ReadingOptions
  @OptionGroup var global: GlobalOptions

  func validate() throws {
    if global.json, let format, format != .json {
      throw ValidationError("--json and --format \(format.rawValue) exclude each other.")
    }
  }

  func run() throws {
    var settings = ValidateOptions()
    settings.config = options.config
    settings.reading = try reading.options()
    settings.work = reading.work()
    let graph = try Ingot.graph(of: model, options: settings)
    switch global.json ? .json : format ?? .text {
    case .json: Terminal.printOutput(GraphDrawing.json(graph))
    case .dot: Terminal.printOutput(GraphDrawing.dot(graph))
    case .text: Terminal.printOutput(GraphDrawing.text(graph, style: Terminal.standardOutput.style))
    }
  }
}
