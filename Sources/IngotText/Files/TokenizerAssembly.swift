// SPDX-License-Identifier: Apache-2.0
// A tokenizer while it is put together from a file of any kind: components are described as in tokenizer.json, so that one
// reader of each serves all kinds of files. Page: formats/tokenizer.md.
import IngotCore

/// A tokenizer while it is put together.
struct TokenizerAssembly {
  /// The file, for messages.
  var location: Location
  /// The tokens.
  var vocabulary: VocabularyBuilder
  /// The tokens that are looked for first, and those that no text gives.
  var added: [AddedToken] = []
  /// The normalizer, pre-tokenizer and decoder as in tokenizer.json; null for none.
  var normalizer = MetadataValue.null
  var preTokenizer = MetadataValue.null
  var decoder = MetadataValue.null
  /// A pre-tokenizer that tokenizer.json has no way to describe.
  var cutter: (any PreTokenizer)?
  /// What is put around a text.
  var postProcessor = PostProcessor()
  /// The id of the token that hides another.
  var mask: UInt32?
  /// What the files leave open.
  var assumption: Evidence?

  /// Begins.
  init(at location: Location, _ vocabulary: VocabularyBuilder) {
    self.location = location
    self.vocabulary = vocabulary
  }

  /// A component as tokenizer.json has it.
  static func component(_ type: String, _ options: [(String, MetadataValue)] = []) -> MetadataValue {
    .object(
      Metadata(
        [.init(key: "type", value: .string(type))] + options.map { .init(key: $0.0, value: $0.1) }))
  }

  /// Components one behind the other.
  static func sequence(_ key: String, _ components: [MetadataValue]) -> MetadataValue {
    component("Sequence", [(key, .array(components))])
  }

  /// A split at what a regular expression finds, as GPT-2's and its followers' pre-tokenizers are.
  static func split(_ pattern: String) -> MetadataValue {
    component(
      "Split",
      [
        ("pattern", .object(Metadata([.init(key: "Regex", value: .string(pattern))]))),
        ("behavior", .string("Isolated")), ("invert", .bool(false)),
      ])
  }

  /// Bytes as they are, behind splits; or GPT-2's split too.
  static func byteLevel(splits: Bool, addsPrefixSpace: Bool = false) -> MetadataValue {
    component(
      "ByteLevel",
      [
        ("add_prefix_space", .bool(addsPrefixSpace)), ("trim_offsets", .bool(true)),
        ("use_regex", .bool(splits)),
      ])
  }

  /// Puts the tokenizer together around its model.
  ///
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TK-07 for a token of the post-processor that
  ///   there is not, and the errors of components.
  func tokenizer(_ model: any TokenModel) throws(IngotError) -> Tokenizer {
    var texts = DecoderReader.takesBytes(decoder) ? vocabulary.decodedBytes : vocabulary.texts
    for token in added { texts.set(Int(token.id), to: token.content) }
    for id in postProcessor.before + postProcessor.behind where texts.bytes(of: Int(id)) == nil {
      throw .malformed(
        TokenizerRule.specialID.rule, at: place("post_processor"), found: "the id \(id)",
        expected: "a token of the vocabulary")
    }
    let read = try PreTokenizerReader.preTokenizer(preTokenizer, at: place("pre_tokenizer"))
    var tokenizer = Tokenizer(
      normalizer: try NormalizerReader.normalizer(normalizer, at: place("normalizer")),
      preTokenizer: cutter ?? read,
      model: model, postProcessor: postProcessor,
      decoder: try DecoderReader.decoder(decoder, at: place("decoder")), texts: texts, addedTokens: added,
      source: location.file)
    tokenizer.assumption = assumption
    tokenizer.mask = mask
    return tokenizer
  }

  private func place(_ key: String) -> Location {
    var place = location
    place.key = key
    return place
  }
}
