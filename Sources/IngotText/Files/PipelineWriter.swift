// SPDX-License-Identifier: Apache-2.0
// Writes tokenizer.json for tokens whose way of cutting text no class of transformers has by itself. Page: formats/tokenizer.md.
import IngotCore
import IngotEncodings

extension TokenizerVocabulary {
  /// tokenizer.json; `nil` where it is not known how text is cut.
  var pipelineFile: Companion? {
    guard let document = pipeline else { return nil }
    return Companion(
      kind: .tokenizer, name: "tokenizer.json", bytes: Array(JSONWriter.text(document).utf8))
  }

  /// Whether files for transformers can say how text is cut.
  package var hasKnownCut: Bool {
    guard case .bytePairs = model else { return true }
    return cut.flatMap { TokenizerFamily.byGGUFName[$0] } != nil
  }

  private var pipeline: Metadata? {
    switch model {
    case .wordPieces: return nil
    case .bytePairs(let merges):
      guard let family = cut.flatMap({ TokenizerFamily.byGGUFName[$0] }) else { return nil }
      return document(
        normalizer: family.normalizer, preTokenizer: family.preTokenizer(),
        decoder: TokenizerAssembly.byteLevel(splits: true, addsPrefixSpace: true),
        addsBeginning: family.addsBeginning,
        model: [
          ("type", .string("BPE")), ("ignore_merges", .bool(family.takesWholePieces)), ("vocab", vocabulary),
          ("merges", .array(merges.map(Self.pair))),
        ])
    case .sentencePieces(let scores, let addsPrefix):
      let unknown = tokens.first { $0.kind == .unknown }?.text
      return document(
        normalizer: SentencePieceFile.normalizer(addsPrefix: addsPrefix), preTokenizer: .null,
        decoder: SentencePieceFile.decoder(addsPrefix: addsPrefix), addsBeginning: true,
        model: [
          ("type", .string("BPE")), ("unk_token", unknown.map { .string($0) } ?? .null),
          ("fuse_unk", .bool(true)),
          ("byte_fallback", .bool(tokens.contains { $0.kind == .byte })), ("vocab", vocabulary),
          ("merges", .array(merges(by: scores).map(Self.pair))),
        ])
    }
  }

  private func document(
    normalizer: MetadataValue, preTokenizer: MetadataValue, decoder: MetadataValue, addsBeginning: Bool,
    model: [(String, MetadataValue)]
  ) -> Metadata {
    Metadata([
      .init(key: "version", value: .string("1.0")), .init(key: "added_tokens", value: addedTokens),
      .init(key: "normalizer", value: normalizer), .init(key: "pre_tokenizer", value: preTokenizer),
      .init(key: "post_processor", value: postProcessor(addsBeginning)),
      .init(key: "decoder", value: decoder),
      .init(key: "model", value: .object(Metadata(model.map { .init(key: $0.0, value: $0.1) }))),
    ])
  }

  private var vocabulary: MetadataValue {
    .object(
      Metadata(
        tokens.enumerated().filter { $1.kind != .unused }.map {
          .init(key: $1.text, value: .int64(Int64($0)))
        }))
  }

  private var addedTokens: MetadataValue {
    let isAdded: Set<TokenKind> = [.control, .userDefined, .unknown]
    return .array(
      tokens.enumerated().filter { isAdded.contains($1.kind) && !$1.text.isEmpty }.map { id, token in
        let flags = ["single_word", "lstrip", "rstrip", "normalized"]
        return .object(
          Metadata(
            [.init(key: "id", value: .int64(Int64(id))), .init(key: "content", value: .string(token.text))]
              + flags.map { .init(key: $0, value: .bool(false)) }
              + [.init(key: "special", value: .bool(token.kind != .userDefined))]))
      })
  }

  /// What is put around a text, as the files say, else as the family does.
  private func postProcessor(_ familyAdds: Bool) -> MetadataValue {
    func mark(_ special: SpecialToken, _ isAdded: Bool) -> (text: String, id: Int)? {
      guard isAdded, let id = specialIDs[special], tokens.indices.contains(id) else { return nil }
      return (tokens[id].text, id)
    }
    let beginning = mark(.beginning, adds[.beginning] ?? familyAdds)
    let end = mark(.end, adds[.end] ?? false)
    guard beginning != nil || end != nil else { return .null }
    func object(_ entries: [(String, MetadataValue)]) -> MetadataValue {
      .object(Metadata(entries.map { .init(key: $0.0, value: $0.1) }))
    }
    func special(_ text: String, _ type: Int64) -> MetadataValue {
      object([("SpecialToken", object([("id", .string(text)), ("type_id", .int64(type))]))])
    }
    func text(_ name: String, _ type: Int64) -> [MetadataValue] {
      [beginning.map { special($0.text, type) }].compactMap(\.self)
        + [object([("Sequence", object([("id", .string(name)), ("type_id", .int64(type))]))])]
        + [end.map { special($0.text, type) }].compactMap(\.self)
    }
    let marks = [beginning, end].compactMap(\.self)
    let known = Dictionary(marks.map { ($0.text, $0.id) }) { first, _ in first }
    return TokenizerAssembly.component(
      "TemplateProcessing",
      [
        ("single", .array(text("A", 0))), ("pair", .array(text("A", 0) + text("B", 1))),
        (
          "special_tokens",
          object(
            known.sorted { $0.key < $1.key }.map { text, id in
              (
                text,
                object([
                  ("id", .string(text)), ("ids", .array([.int64(Int64(id))])),
                  ("tokens", .array([.string(text)])),
                ])
              )
            })
        ),
      ])
  }

  /// A merge as the tokenizers library writes it since 0.20, so that pieces may have spaces.
  private static func pair(_ merge: String) -> MetadataValue {
    .array(merge.split(separator: " ", maxSplits: 1).map { .string(String($0)) })
  }

  /// The pairs whose texts make a piece, those of the highest score first: the merges that give what scores give.
  ///
  /// - Complexity: the characters of all pieces.
  /// - SeeAlso: huggingface/transformers, `convert_slow_tokenizer.py`, `generate_merges`.
  private func merges(by scores: [Float]) -> [String] {
    let joined = tokens.enumerated().filter { $1.kind == .normal }
    let ids = Dictionary(joined.map { (ExactName($1.text), $0) }) { first, _ in first }
    var merges: [(score: Float, left: Int, right: Int, text: String)] = []
    for (id, token) in joined where scores.indices.contains(id) {
      for cut in token.text.unicodeScalars.indices.dropFirst() {
        let (left, right) = (
          String(token.text.unicodeScalars[..<cut]), String(token.text.unicodeScalars[cut...])
        )
        guard let first = ids[ExactName(left)], let second = ids[ExactName(right)] else { continue }
        merges.append((scores[id], first, second, "\(left) \(right)"))
      }
    }
    merges.sort { ($1.score, $0.left, $0.right) < ($0.score, $1.left, $1.right) }
    return merges.map(\.text)
  }
}
