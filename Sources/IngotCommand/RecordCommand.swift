// SPDX-License-Identifier: Apache-2.0
// `ingot record`.
import ArgumentParser
import IngotReport

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Keep a model's outputs as a fixtures file.",
    discussion: """
      Records every hidden state, the logits and the loss, in float64 unless --precision says otherwise, with the model's \
      digest; `ingot verify` compares with such a file.

      \(understoodModels)

      EXAMPLE
        ingot record gpt2/ --tokens 464,3290,318 -o expected.npz
      """)

  @Argument(help: "The model: a file, a shard index, or a folder.", completion: .path)
  var model: String

  @Option(name: .long, help: "Token ids: 1,2,3 or a .npy file with one or two dimensions.", completion: .path)
  var tokens: String

  @Option(
    name: .shortAndLong, help: "The fixtures file: .npz, .safetensors or another format.", completion: .path)
  var output: String

  @Option(name: .long, help: "The arithmetic; reference is float64.")
  var precision: Precision = .reference

  @Option(
    name: .customLong("to"), help: "The file's format; without it, its extension tells.",
    completion: .writtenFormats)
  var format: String?

  @Flag(name: .long, help: "Replace an existing file.")
  var force = false

  @OptionGroup var loading: LoadArguments
  @OptionGroup var global: GlobalOptions

  func run() throws {
    var settings = RecordOptions()
    settings.format = format
    settings.force = force
    settings.run = try loading.options(precision)
    let report = try Ingot.record(model, tokens: tokens, to: output, options: settings)
    global.print(json: { RecordText.json(report) }) { RecordText.lines(report, style: $0) }
  }
}
