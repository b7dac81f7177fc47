// SPDX-License-Identifier: Apache-2.0
// Normalizers and pre-tokenizers against Hugging Face's tokenizers, component by component, with the bytes of the original.
import IngotCore
import IngotEncodings
import IngotTestSupport
import IngotText
import Testing

/// Normalizers as they stand in tokenizer.json.
private let normalizers = [
  #"{"type": "NFC"}"#, #"{"type": "NFD"}"#, #"{"type": "NFKC"}"#, #"{"type": "NFKD"}"#,
  #"{"type": "Lowercase"}"#,
  #"{"type": "StripAccents"}"#, #"{"type": "Strip", "strip_left": true, "strip_right": true}"#,
  #"{"type": "Strip", "strip_left": false, "strip_right": true}"#, #"{"type": "Prepend", "prepend": "▁"}"#,
  #"{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}"#,
  #"{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}"#,
  #"{"type": "Replace", "pattern": {"Regex": "[aeiou]+\\p{M}?"}, "content": ""}"#,
  #"{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true}"#,
  #"{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": false, "strip_accents": true, "lowercase": false}"#,
  #"{"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}"#,
  #"{"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}, {"type": "Strip", "strip_left": true, "strip_right": true}]}"#,
  #"{"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}, {"type": "NFC"}]}"#,
]

private let gpt2 =
  #"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"#

/// Pre-tokenizers as they stand in tokenizer.json.
private let preTokenizers =
  [
    #"{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}"#,
    #"{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}"#,
    #"{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": false}"#,
    #"{"type": "BertPreTokenizer"}"#, #"{"type": "Whitespace"}"#, #"{"type": "WhitespaceSplit"}"#,
    #"{"type": "Punctuation", "behavior": "Isolated"}"#,
    #"{"type": "Punctuation", "behavior": "Contiguous"}"#,
    #"{"type": "Digits", "individual_digits": true}"#, #"{"type": "Digits", "individual_digits": false}"#,
    #"{"type": "CharDelimiterSplit", "delimiter": "a"}"#, #"{"type": "FixedLength", "length": 3}"#,
    #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}"#,
    #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true}"#,
    #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": false}"#,
    #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false}"#,
    #"{"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false}"#,
    #"{"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]}"#,
    #"{"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}]}"#,
    #"{"type": "Sequence", "pretokenizers": [{"type": "Punctuation", "behavior": "Contiguous"}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}, {"type": "Digits", "individual_digits": false}, {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated", "invert": false}]}"#,
    #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\#(gpt2)"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": false}]}"#,
  ]
  + ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"].flatMap { behavior in
    [false, true].map {
      #"{"type": "Split", "pattern": {"Regex": "\\s|[ae]b?"}, "behavior": "\#(behavior)", "invert": \#($0)}"#
    }
  }

private let here = Location("tokenizer.json")

func component(_ json: String) throws -> MetadataValue {
  .object(try JSONDocument.object(Array(json.utf8)))
}

/// The letters that bytes are written with.
private func lettered(_ bytes: [UInt8]) -> [UInt8] {
  bytes.flatMap { [UInt8](scalar: ByteLetters.codePoints[Int($0)]) }
}

@Suite struct ComponentTests {
  private static let texts = MixedTexts.all()
  /// Fewer, for what is asked of each component by itself.
  private static let few =
    MixedTexts.chosen + MixedTexts.pooled(120, seed: 7) + MixedTexts.planes(60, seed: 8, assigned: false)

  /// Each character of normalized text with its bytes of the original.
  private static func characters(of text: NormalizedText) -> [PeerPiece] {
    var place = 0
    return text.bytes.scalars.map { scalar in
      let range = place..<place + scalar.length
      place = range.upperBound
      let origin = text.origin(of: range)
      return PeerPiece(bytes: Array(text.bytes[range]), start: origin.lowerBound, end: origin.upperBound)
    }
  }

  private static func pieces(of text: PreTokenizedText) -> [PeerPiece] {
    text.pieces.map { piece in
      let origin = text.text.origin(of: piece)
      let bytes = Array(text.text.bytes[piece])
      return PeerPiece(
        bytes: text.bytesAreLetters ? lettered(bytes) : bytes, start: origin.lowerBound,
        end: origin.upperBound)
    }
  }

  /// The first texts that two disagree on.
  private static func differences(_ ours: [[PeerPiece]], _ theirs: [[PeerPiece]]) -> [String] {
    zip(texts, zip(ours, theirs)).filter { $1.0 != $1.1 }.prefix(2).map { text, answers in
      "\(text.debugDescription)\n  ours   \(answers.0)\n  theirs \(answers.1)"
    }
  }

  @Test func `normalizers change text as Hugging Face's do, and know what stands for what`() throws {
    let theirs = try ComponentPeer.answers(normalizers.map { ("normalizer", $0) }, Self.texts)
    for (json, theirs) in zip(normalizers, theirs) {
      let normalizer = try #require(try NormalizerReader.normalizer(component(json), at: here))
      let ours = Self.texts.map { text in
        var normalized = NormalizedText(Array(text.utf8))
        normalizer.normalize(&normalized)
        return Self.characters(of: normalized)
      }
      #expect(Self.differences(ours, theirs) == [], "\(json)")
    }
  }

  /// nmt_nfkc and nfkc_cf are the maps of published models: T5's, mBART's, XLM-R's; ALBERT's.
  @Test(arguments: ["nmt_nfkc", "nfkc_cf"])
  func `SentencePiece's maps of characters change text as Hugging Face's normalizer does`(_ rule: String)
    throws
  {
    let map = try #require(try ComponentPeer.answers([("charsmap", "\"\(rule)\"")], [""]).first?.first?.first)
    let json =
      #"{"type": "Precompiled", "precompiled_charsmap": "\#(String(decoding: map.bytes, as: UTF8.self))"}"#
    let theirs = try ComponentPeer.answers([("normalizer", json)], Self.texts)
    let normalizer = try #require(try NormalizerReader.normalizer(component(json), at: here))
    // Where characters go, Hugging Face's normalizer is wrong about what those before and behind stand for.
    let differing = zip(Self.texts, theirs[0]).filter { text, theirs in
      var normalized = NormalizedText(Array(text.utf8))
      normalizer.normalize(&normalized)
      return normalized.bytes != theirs.flatMap(\.bytes)
    }
    #expect(differing.count == 0)
    for (text, theirs) in differing.prefix(3) { Issue.record("\(text.debugDescription): \(theirs)") }
    for (number, text) in Self.few.enumerated() {
      var whole = NormalizedText(Array(text.utf8))
      normalizer.normalize(&whole)
      var stream = NormalizerStream(normalizer)
      let joined = Self.chunks(of: text, seed: UInt64(number)).flatMap {
        Self.characters(of: stream.push($0))
      }
      #expect(joined == Self.characters(of: whole), "\(text.debugDescription)")
    }
  }

  @Test func `pre-tokenizers cut text where Hugging Face's do`() throws {
    let theirs = try ComponentPeer.answers(preTokenizers.map { ("pre_tokenizer", $0) }, Self.texts)
    for (json, theirs) in zip(preTokenizers, theirs) {
      let preTokenizer = try #require(try PreTokenizerReader.preTokenizer(component(json), at: here))
      let ours = Self.texts.map { text in
        var cut = PreTokenizedText(NormalizedText(Array(text.utf8)))
        preTokenizer.split(&cut)
        return Self.pieces(of: cut)
      }
      #expect(Self.differences(ours, theirs) == [], "\(json)")
    }
  }

  @Test(arguments: normalizers)
  func `a normalizer gives for chunks what it gives for the whole`(_ json: String) throws {
    let normalizer = try #require(try NormalizerReader.normalizer(component(json), at: here))
    for (number, text) in Self.few.enumerated() {
      var whole = NormalizedText(Array(text.utf8))
      normalizer.normalize(&whole)
      var stream = NormalizerStream(normalizer)
      var joined: [PeerPiece] = []
      for chunk in Self.chunks(of: text, seed: UInt64(number)) {
        joined += Self.characters(of: stream.push(chunk))
      }
      guard joined != Self.characters(of: whole) else { continue }
      Issue.record("\(text.debugDescription): \(joined.prefix(12))")
      return
    }
  }

  @Test(arguments: preTokenizers)
  func `a pre-tokenizer gives for chunks what it gives for the whole`(_ json: String) throws {
    let preTokenizer = try #require(try PreTokenizerReader.preTokenizer(component(json), at: here))
    for (number, text) in Self.few.enumerated() {
      var whole = PreTokenizedText(NormalizedText(Array(text.utf8)))
      preTokenizer.split(&whole)
      var tail: NormalizedText?
      var joined: [PeerPiece] = []
      for chunk in Self.chunks(of: text, seed: UInt64(number)) {
        var text = chunk
        if var before = tail {
          before.append(text)
          text = before
        }
        var cut = PreTokenizedText(text)
        preTokenizer.split(&cut)
        joined += Self.pieces(of: cut)
        tail = cut.takeOpenTail()
      }
      guard joined != Self.pieces(of: whole) else { continue }
      Issue.record("\(text.debugDescription): \(joined.prefix(12))")
      return
    }
  }

  /// A text in chunks of whole characters.
  private static func chunks(of text: String, seed: UInt64) -> [NormalizedText] {
    var random = SeededRandom(seed: seed)
    var rest = Array(text.utf8)[...]
    var chunks: [NormalizedText] = []
    repeat {
      let cut = Array(rest.prefix(random.integer(in: 4...12)))
      let bytes = Array(cut.prefix(cut.countOfWholeCharacters))
      chunks.append(
        NormalizedText(bytes, at: rest.startIndex, isStart: chunks.isEmpty, isEnd: bytes.count == rest.count))
      rest = rest.dropFirst(bytes.count)
    } while !rest.isEmpty
    return chunks
  }

  @Test(arguments: [
    (#"{"type": "Nmt"}"#, "the normalizer Nmt"), (#"{"type": "Sharpen"}"#, "the normalizer Sharpen"),
    (#"{"type": "NFC", "strict": true}"#, "the option strict of NFC"),
  ])
  func `a normalizer that is not known is refused by its name`(_ json: String, _ name: String) throws {
    let error = #expect(throws: IngotError.self) {
      try NormalizerReader.normalizer(component(json), at: here)
    }
    guard case .unsupported(let what, _) = error else { throw error ?? .interrupted }
    let text = what.pieces.map { piece in
      switch piece {
      case .words(let text), .value(let text): text
      default: ""
      }
    }.joined()
    #expect(text.hasPrefix(name))
  }

  @Test(arguments: [
    #"{"type": "Replace", "pattern": " ", "content": ""}"#,
    #"{"type": "Replace", "pattern": {"String": " "}}"#,
    #"{"type": "Prepend"}"#, #"{"type": "Strip", "strip_left": 1}"#, #"{"type": "Sequence"}"#,
    #"{"type": "Sequence", "normalizers": ["NFC"]}"#,
    #"{"type": "Precompiled", "precompiled_charsmap": "%"}"#,
    #"{"type": "Precompiled", "precompiled_charsmap": "/////w=="}"#,
    #"{"type": "Precompiled", "precompiled_charsmap": "AAAAAP8="}"#,
  ])
  func `a component of another shape breaks TK-10`(_ json: String) throws {
    let error = #expect(throws: IngotError.self) {
      try NormalizerReader.normalizer(component(json), at: here)
    }
    guard case .malformed(let rule, _, _, _) = error else { throw error ?? .interrupted }
    #expect(rule == TokenizerRule.component.rule)
  }

  @Test(arguments: [
    #"{"type": "UnicodeScripts"}"#, #"{"type": "Split", "pattern": {"String": "a"}, "behavior": "Sideways"}"#,
    #"{"type": "Metaspace", "prepend_scheme": "last"}"#,
    #"{"type": "Split", "pattern": {"String": ""}, "behavior": "Removed"}"#,
    #"{"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Metaspace"}]}"#,
    #"{"type": "Digits", "base": 16}"#,
    #"{"type": "Split", "pattern": {"Regex": "(?<=a)b"}, "behavior": "Removed"}"#,
  ])
  func `a pre-tokenizer that is not known, or an option, is unsupported`(_ json: String) throws {
    let error = #expect(throws: IngotError.self) {
      try PreTokenizerReader.preTokenizer(component(json), at: here)
    }
    guard case .unsupported = error else { throw error ?? .interrupted }
  }

  /// 30 letters for each, then 30 for each of these.
  @Test func `normalizers that blow text up are refused, and those that are near it take their time`() throws
  {
    func chain(_ count: Int) throws -> MetadataValue {
      let longer =
        #"{"type": "Replace", "pattern": {"String": "a"}, "content": "\#(String(repeating: "a", count: 30))"}"#
      let all = Array(repeating: longer, count: count).joined(separator: ", ")
      return try component(#"{"type": "Sequence", "normalizers": [\#(all)]}"#)
    }
    let error = #expect(throws: IngotError.self) { try NormalizerReader.normalizer(chain(3), at: here) }
    guard case .unsupported = error else { throw error ?? .interrupted }
    let normalizer = try #require(try NormalizerReader.normalizer(chain(2), at: here))
    var text = NormalizedText(Array("a b".utf8))
    normalizer.normalize(&text)
    #expect(text.bytes.count == 902 && normalizer.growth == 900)
  }

  /// 20,000 letters that become 20 million without a place to cut.
  @Test func `text that grows beyond the longest piece is refused before it is all there`() throws {
    let document = #"""
      {"model": {"type": "BPE", "vocab": {"a": 0, "aa": 1}, "merges": ["a a"]}, "normalizer":
       {"type": "Replace", "pattern": {"String": "b"}, "content": "\#(String(repeating: "a", count: 1000))"}}
      """#
    let file = Companion(kind: .tokenizer, name: "tokenizer.json", bytes: Array(document.utf8))
    let tokenizer = try #require(try TokenizerFiles([file], folder: "model").tokenizer())
    let error = #expect(throws: IngotError.self) {
      try tokenizer.encode(Array(repeating: UInt8(ascii: "b"), count: 20_000))
    }
    guard case .limitExceeded = error else { throw error ?? .interrupted }
  }
}
