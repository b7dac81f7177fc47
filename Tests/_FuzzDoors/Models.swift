// SPDX-License-Identifier: Apache-2.0
// Doors into what stands beside weights: configs and tokenizers.
import IngotDialects
import IngotEncodings
import IngotKit
import IngotReport
import IngotText

extension FuzzDoor {
  static let models: [FuzzDoor] = [
    FuzzDoor("config") { (bytes) throws(IngotError) in
      let own: Metadata
      do throws(JSONFailure) {
        own = try JSONDocument.object(bytes)
      } catch {
        throw IngotError(error, rule: ConfigRule.json.rule, at: Location("config.json"))
      }
      // As one of another program's first: those keys are turned into transformers'.
      for form in ConfigForm.all {
        let document = form.document(from: own, architecture: "gpt2")
        if let read = try? ConfigReader(document: document, path: "config.json").read() {
          draw(read)
        }
      }
      draw(try ConfigReader(bytes, path: "config.json").read())
    },
    FuzzDoor("tokenizer", greatestByteCount: 8192) { (bytes) throws(IngotError) in
      // Files of a folder, one behind the other with a record separator between; the first byte says which.
      let sets = [
        ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json"],
        ["vocab.json", "merges.txt", "added_tokens.json", "tokenizer_config.json", "config.json"],
        ["encoder.json", "vocab.bpe"],
        ["vocab.txt", "tokenizer_config.json", "config.json"],
      ]
      let texts = bytes.dropFirst().split(separator: 0x1E, omittingEmptySubsequences: false)
      let names = sets[Int(bytes.first ?? 0) % sets.count]
      let companions = zip(names, texts).map {
        Companion(kind: .tokenizer, name: $0, bytes: Array($1))
      }
      guard let read = try TokenizerFiles(companions, folder: "model").vocabulary(rowCount: 300) else {
        return
      }
      _ = (read.transformersFiles, read.openAIFiles)
      let gguf = try TokenizerVocabulary(gguf: read.ggufMetadata, path: "model.gguf")
      precondition(gguf?.tokens.count == read.tokens.count, "another number of tokens after GGUF")
    },
  ]

  /// Builds the graph that a config describes, and draws it, unless it is a large one.
  private static func draw(_ configuration: ModelConfiguration) {
    guard configuration.config.blockCount <= 64 else { return }
    let graph = configuration.architecture.graph(configuration.config)
    _ = GraphDrawing.text(graph, style: TextStyle())
    _ = GraphDrawing.json(graph)
  }
}
