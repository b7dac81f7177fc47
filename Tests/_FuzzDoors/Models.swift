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
    FuzzDoor("tokenizer-pipeline", greatestByteCount: 8192) { (bytes) throws(IngotError) in
      let sets = [
        ["tokenizer.json"], ["vocab.json", "merges.txt", "tokenizer_config.json"],
        ["encoder.json", "vocab.bpe"],
        ["vocab.txt", "tokenizer_config.json"], ["tokenizer.model"], ["tekken.json"], ["ranks.tiktoken"],
      ]
      let names = sets[Int(bytes.first ?? 0) % sets.count]
      let texts =
        names.count == 1
        ? [bytes.dropFirst()] : bytes.dropFirst().split(separator: 0x1E, omittingEmptySubsequences: false)
      let companions = zip(names, texts).map { Companion(kind: .tokenizer, name: $0, bytes: Array($1)) }
      guard let tokenizer = try TokenizerFiles(companions, folder: "model").tokenizer() else { return }
      // What makes the tokenizer is text like any other, as far as it is text.
      let text = Array(String(decoding: bytes.prefix(2000), as: UTF8.self).utf8)
      let whole = try tokenizer.encode(text, addsSpecial: true, wantsOffsets: true)
      precondition(whole.ids.count == whole.ranges.count, "places that are no tokens'")
      precondition(whole.ranges.allSatisfy { $0.upperBound <= text.count }, "places beyond the text")
      var encoder = TokenEncoder(tokenizer, name: "text", addsSpecial: true)
      var output = EncodedText()
      for start in stride(from: 0, to: text.count, by: 7) {
        try encoder.add(text[start..<min(start + 7, text.count)], to: &output)
      }
      try encoder.finish(to: &output)
      precondition(output.ids == whole.ids, "a stream gives other ids")
      _ = try tokenizer.decode(whole.ids)
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
