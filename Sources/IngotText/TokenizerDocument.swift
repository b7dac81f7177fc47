// SPDX-License-Identifier: Apache-2.0
// tokenizer.json as the tokenizers library writes it, as far as it is a byte-level BPE. Page: formats/tokenizer.md.
import IngotCore

/// tokenizer.json, parsed.
struct TokenizerDocument {
  private let document: Metadata
  private let path: String

  init(_ document: Metadata, path: String) {
    self.document = document
    self.path = path
  }

  private func malformed(
    _ rule: TokenizerRule, _ key: String, _ found: Evidence, _ expected: Evidence
  ) -> IngotError {
    .malformed(rule.rule, at: Location(path, key: key), found: found, expected: expected)
  }

  /// The tokens and merges.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule broken, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for another kind of tokenizer.
  func collection(rowCount: Int) throws(IngotError) -> TokenCollection {
    guard case .object(let model)? = document["model"] else {
      throw malformed(.model, "model", "no object", "the model with its tokens and merges")
    }
    guard model.string("type") ?? "BPE" == "BPE", Self.isByteLevel(document["decoder"]) else {
      throw .unsupported("a tokenizer that is no byte-level BPE", at: Location(path, key: "model.type"))
    }
    guard case .object(let tokens)? = model["vocab"] else {
      throw malformed(.model, "model.vocab", "no object", "ids by token")
    }
    var collection = TokenCollection(path: path, rowCount: rowCount)
    try collection.add(tokens)
    try addAddedTokens(to: &collection)
    try collection.finish()
    collection.vocabulary.merges = try merges(model["merges"])
    return collection
  }

  private static func isByteLevel(_ decoder: MetadataValue?) -> Bool {
    guard case .object(let decoder)? = decoder else { return false }
    return decoder.string("type") == "ByteLevel"
  }

  private func addAddedTokens(to collection: inout TokenCollection) throws(IngotError) {
    guard let added = document["added_tokens"] else { return }
    guard case .array(let entries) = added else {
      throw malformed(.model, "added_tokens", "no list", "a list of tokens")
    }
    for entry in entries {
      guard case .object(let token) = entry, let text = token.string("content"), let id = token["id"] else {
        throw malformed(.token, "added_tokens", "an entry without id and content", "both")
      }
      let isSpecial = token["special"] == .bool(true)
      try collection.add(text, id: id, kind: isSpecial ? .control : .userDefined)
    }
  }

  /// Merges as `"Ġ th"`, or as pairs since tokenizers 0.20.
  private func merges(_ value: MetadataValue?) throws(IngotError) -> [String] {
    guard case .array(let entries)? = value else {
      throw malformed(.model, "model.merges", "no list", "a list of merges")
    }
    var merges: [String] = []
    for entry in entries {
      switch entry {
      case .string(let text) where text.utf8.count(where: { $0 == UInt8(ascii: " ") }) == 1:
        merges.append(text)
      case .array(let pair):
        guard pair.count == 2, case .string(let left) = pair[0], case .string(let right) = pair[1],
          !(left + right).utf8.contains(UInt8(ascii: " "))
        else {
          throw malformed(.merge, "model.merges", "a pair of something else", "two pieces without spaces")
        }
        merges.append(left + " " + right)
      default:
        throw malformed(.merge, "model.merges", "something else", "two pieces with a space between")
      }
    }
    return merges
  }
}
