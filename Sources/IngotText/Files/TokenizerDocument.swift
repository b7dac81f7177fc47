// SPDX-License-Identifier: Apache-2.0
// tokenizer.json as the tokenizers library writes it, as far as it is a byte-level BPE, WordPiece, or a BPE of SentencePiece's
// pieces. Page: formats/tokenizer.md.
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
    if case .bytePairs = kind { collection.vocabulary.cut = TextCutting(self.document)?.ggufName }
    try addAddedTokens(to: &collection)
    if case .sentencePieces(_, let addsPrefix) = kind {
      collection.vocabulary.model = .sentencePieces(
        scores: try scores(tokens, merges: merges(model["merges"])), addsPrefix: addsPrefix)
    }
    try collection.finish()
    return collection
  }

  /// How words become tokens.
  private func kind(of model: Metadata) throws(IngotError) -> TokenizerVocabulary.Model {
    switch model.string("type") ?? "BPE" {
    case "BPE" where object("decoder")?.string("type") == "ByteLevel":
      return .bytePairs(merges: try merges(model["merges"]))
    case "BPE" where model["byte_fallback"] == .bool(true):
      guard let addsPrefix = putsSpaceBefore else { break }
      return .sentencePieces(scores: [], addsPrefix: addsPrefix)
    case "WordPiece" where model.string("continuing_subword_prefix") ?? "##" == "##":
      guard case .bool(let lowercases)? = object("normalizer")?["lowercase"] else {
        return .wordPieces(lowercases: nil)
      }
      return .wordPieces(lowercases: lowercases)
    default: break
    }
    throw .unsupported(
      "a tokenizer that is neither a byte-level BPE nor BERT's WordPiece nor SentencePiece's",
      at: Location(path, key: "model.type"))
  }

  /// Whether a space is put before a text; `nil` where text is changed otherwise than SentencePiece does.
  private var putsSpaceBefore: Bool? {
    let mark = "\u{2581}"
    var addsPrefix = false
    for part in object("normalizer")?.components("normalizers") ?? [] {
      switch part.string("type") {
      case "Prepend" where part.string("prepend") == mark: addsPrefix = true
      case "Replace" where part.string("content") == mark: break
      default: return nil
      }
    }
    for part in object("pre_tokenizer")?.components("pretokenizers") ?? [] {
      guard part.string("type") == "Metaspace", part.string("replacement") == mark,
        part["split"] == .bool(false)
      else {
        // Gemma's splits at spaces that its normalizer has replaced already.
        guard part.string("type") == "Split" else { return nil }
        continue
      }
      addsPrefix =
        part.string("prepend_scheme").map { $0 != "never" } ?? (part["add_prefix_space"] != .bool(false))
    }
    return addsPrefix
  }

  /// Scores that join pieces in the order of merges: of what merges make by the first that does, of others behind.
  private func scores(_ tokens: Metadata, merges: [String]) throws(IngotError) -> [Float] {
    var ranks: [ExactName: Int] = [:]
    for (rank, merge) in merges.enumerated() {
      let piece = ExactName(merge.split(separator: " ").joined())
      if ranks[piece] == nil { ranks[piece] = rank }
    }
    var scores = [Float](repeating: 0, count: tokens.entries.count)
    for entry in tokens.entries {
      guard let id = entry.value.integer, scores.indices.contains(id) else { continue }
      scores[id] = -Float(ranks[ExactName(entry.key)] ?? merges.count + id)
    }
    return scores
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

extension Metadata {
  /// The parts of a component of tokenizer.json: those of a sequence, or itself.
  ///
  /// - Parameter key: where a sequence has them.
  /// - Returns: the parts that are objects.
  func components(_ key: String) -> [Metadata] {
    guard string("type") == "Sequence" else { return [self] }
    return (self[key]?.elements ?? []).compactMap {
      if case .object(let part) = $0 { part } else { nil }
    }
  }
}
