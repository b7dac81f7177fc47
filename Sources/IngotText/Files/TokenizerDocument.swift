// SPDX-License-Identifier: Apache-2.0
// tokenizer.json as the tokenizers library writes it, as far as it is a byte-level BPE or WordPiece. Page: formats/tokenizer.md.
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
    let kind = try kind(of: model)
    guard case .object(let tokens)? = model["vocab"] else {
      throw malformed(.model, "model.vocab", "no object", "ids by token")
    }
    var collection = TokenCollection(kind, path: path, rowCount: rowCount)
    try collection.add(tokens)
    try addAddedTokens(to: &collection)
    try collection.finish()
    return collection
  }

  /// How words become tokens.
  private func kind(of model: Metadata) throws(IngotError) -> TokenizerVocabulary.Model {
    switch model.string("type") ?? "BPE" {
    case "BPE" where object("decoder")?.string("type") == "ByteLevel":
      return .bytePairs(merges: try merges(model["merges"]))
    case "WordPiece" where model.string("continuing_subword_prefix") ?? "##" == "##":
      guard case .bool(let lowercases)? = object("normalizer")?["lowercase"] else {
        return .wordPieces(lowercases: nil)
      }
      return .wordPieces(lowercases: lowercases)
    default:
      throw .unsupported(
        "a tokenizer that is neither a byte-level BPE nor BERT's WordPiece",
        at: Location(path, key: "model.type"))
    }
  }

  private func object(_ key: String) -> Metadata? {
    guard case .object(let object)? = document[key] else { return nil }
    return object
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
