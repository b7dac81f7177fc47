// SPDX-License-Identifier: Apache-2.0
// The config of a language model inside that of a larger one, which takes images too. Page: formats/config.md.
import IngotCore
import IngotGraph

/// A config that holds those of several models.
struct CompositeConfig {
  /// What the language model's own config.json would say.
  let document: Metadata
  /// Keys that belong to the other models.
  let leftOut: [String]

  /// The object of the language model.
  private static let part = "text_config"
  /// What is meant where that object names no architecture.
  private static let architectures = ["gemma3": "gemma3_text", "mistral3": "mistral"]
  /// Keys beside it that say how the whole is made or used.
  private static let shared = [
    "bos_token_id", "eos_token_id", "pad_token_id", "dtype", "torch_dtype", "transformers_version",
    "initializer_range", "quantization_config",
  ]

  /// Takes a document apart; `nil` for one that is a language model's own.
  ///
  /// - Parameters:
  ///   - whole: the document.
  ///   - path: its file, for messages.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with CF-05 where both say of one key another thing.
  init?(_ whole: Metadata, path: String) throws(IngotError) {
    guard case .object(let part)? = whole[Self.part], let outer = whole.string("model_type"),
      Architecture.named(outer) == nil,
      let id = part.string("model_type") ?? Self.architectures[outer]
    else { return nil }
    var document = part
    document["model_type"] = .string(id)
    // transformers takes the whole model's word for it.
    let tie = "tie_word_embeddings"
    if let stated = whole[tie], stated != .null {
      if let inner = part[tie], inner != .null, inner != stated {
        throw .malformed(
          ConfigRule.alias.rule, at: Location(path, key: "\(Self.part).\(tie)"),
          found: "another value than \(words: tie) has", expected: "the same")
      }
      document[tie] = stated
    }
    for key in Self.shared where document[key] == nil { document[key] = whole[key] }
    self.document = document
    let kept = Self.shared + [tie, "model_type", "architectures", Self.part]
    leftOut = whole.entries.map(\.key).filter { !kept.contains($0) }
  }
}
