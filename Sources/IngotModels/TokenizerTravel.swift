// SPDX-License-Identifier: Apache-2.0
// A tokenizer on its way from one dialect to another: files beside the weights, or keys inside them, as the target's
// program looks for them. Page: formats/tokenizer.md.
import IngotCore
import IngotDialects
import IngotGraph
import IngotText

/// A tokenizer on its way to another dialect.
struct TokenizerTravel {
  /// The vocabulary; `nil` where there is none, or one of another kind.
  let vocabulary: TokenizerVocabulary?
  private let companions: [Companion]
  /// Whether it is inside the model's file.
  let isInside: Bool

  /// Finds the tokenizer of a model: inside its file, else beside it.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - companions: its companions.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with a rule of tokenizers.
  init(_ model: Model, companions: [Companion]) throws(IngotError) {
    self.companions = companions.filter { $0.kind != .config }
    let rowCount = model.recognised.configuration.config.vocabularySize
    if let inside = try TokenizerVocabulary(gguf: model.checkpoint.metadata, path: model.path) {
      try inside.requireRows(rowCount, path: model.path)
      (vocabulary, isInside) = (inside, true)
      return
    }
    isInside = false
    do throws(IngotError) {
      vocabulary = try TokenizerFiles(companions, folder: "").vocabulary(rowCount: rowCount)
    } catch {
      // Another kind of tokenizer travels as the files that it is.
      guard case .unsupported = error else { throw error }
      vocabulary = nil
    }
  }

  /// The ids of marks, as config.json has them.
  var configIDs: [(key: String, id: Int)] {
    let keys: [(TokenizerVocabulary.SpecialToken, String)] = [
      (.beginning, "bos_token_id"), (.end, "eos_token_id"), (.padding, "pad_token_id"),
    ]
    return keys.compactMap { special, key in vocabulary?.specialIDs[special].map { (key, $0) } }
  }

  /// Puts the tokenizer where the target's program looks for it.
  ///
  /// - Parameters:
  ///   - target: the dialect.
  ///   - format: the output's format.
  ///   - metadata: the output's; keys of GGUF come or go.
  ///   - losses: hear what GGUF has no key for.
  /// - Returns: the companions that travel, the config not among them.
  func travel(
    to target: Dialect, format: String, metadata: inout Metadata, losses: inout [Loss]
  ) -> [Companion] {
    if target.tokenizer == .ggufKeys, format == target.ownFormat {
      addKeys(to: &metadata, losses: &losses)
      if vocabulary?.model == .wordPieces(lowercases: false) {
        losses.append(
          Loss(
            .readers, detail: "do_lower_case is false: the program of \(words: target.id) lowercases all text"
          ))
      }
      return vocabulary == nil ? companions : companions.filter { $0.kind != .tokenizer }
    }
    guard let vocabulary else { return companions }
    metadata = Metadata(
      metadata.entries.filter { !$0.key.hasPrefix(TokenizerVocabulary.ggufPrefix) })
    let isOpenAI = target.tokenizer == .openAIFiles
    guard vocabulary.hasKnownCut else {
      if isInside {
        losses.append(
          Loss(
            .metadata,
            detail: "the tokenizer: how text is cut, by the name \(vocabulary.cut ?? "(none)"), is not known")
        )
      }
      return companions
    }
    let files = isOpenAI ? vocabulary.openAIFiles : vocabulary.transformersFiles
    let names = Set(companions.map(\.name))
    let isReadable =
      isOpenAI ? ["encoder.json"] : ["vocab.json", "vocab.txt", "tokenizer.json", "tokenizer.model"]
    guard isInside || !isReadable.contains(where: names.contains) else { return companions }
    return files + companions.filter { $0.kind != .tokenizer }
  }

  /// GGUF's keys, unless they are there; a model without a tokenizer says so.
  private func addKeys(to metadata: inout Metadata, losses: inout [Loss]) {
    guard metadata["tokenizer.ggml.model"] == nil else { return }
    if vocabulary?.hasKnownCut == false {
      losses.append(
        Loss(.metadata, detail: "the tokenizer: the file's program has no name for how its text is cut"))
    }
    guard let vocabulary, vocabulary.hasKnownCut else {
      if vocabulary == nil {
        losses.append(
          Loss(.readers, detail: "the file has no tokenizer, without which its program takes no text"))
      }
      metadata["tokenizer.ggml.model"] = .string("none")
      return
    }
    metadata = Metadata(metadata.entries + vocabulary.ggufMetadata.entries)
    losses += vocabulary.changes.map {
      Loss(.readers, detail: "the tokenizer: \($0) by the file, and the output has no key for that")
    }
  }
}
