// SPDX-License-Identifier: Apache-2.0
// The tables of Unicode against what the peers' components do with every character.
import IngotCore
import IngotEncodings
import IngotText
import Testing

@Suite struct UnicodeTableTests {
  /// A set of ours, and how a peer shows it.
  private static let sets: [(name: String, set: ScalarSet, question: String)] = {
    let categories = ["L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "N", "Nd", "P", "S", "Sc", "Z"]
    let scripts = [
      "Han", "Hiragana", "Katakana", "Hangul", "Latin", "Cyrillic", "Arabic", "Thai", "Devanagari",
    ]
    let named =
      categories.compactMap { name in ScalarSet.category(name).map { (name, $0) } }
      + scripts.compactMap { name in ScalarSet.script(name).map { (name, $0) } }
    return named.map { ($0, $1, #"["matched", "\\p{\#($0)}"]"#) } + [
      ("\\s of Oniguruma", .whiteSpace, #"["matched", "\\s"]"#),
      ("\\w of Oniguruma", .wordOfOniguruma, #"["matched", "\\w"]"#),
      ("white space of Rust", .whiteSpace, #"["cut", {"type": "WhitespaceSplit"}]"#),
      ("numbers of Rust", .numeric, #"["isolated", {"type": "Digits", "individual_digits": true}]"#),
      ("punctuation", .punctuation, #"["isolated", {"type": "Punctuation", "behavior": "Isolated"}]"#),
      ("marks", .marks, #"["removed", {"type": "StripAccents"}]"#),
      (
        "control characters", .controls.union(.whiteSpace).subtracting(ScalarSet(" ")),
        #"["removed", {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": false, "strip_accents": false, "lowercase": false}]"#
      ),
    ]
  }()

  @Test func `the sets of characters are those of the peers`() throws {
    let answers = try ComponentPeer.answers(Self.sets.map { ("sets", $0.question) }, [""])
    for (ours, answer) in zip(Self.sets, answers) {
      let piece = try #require(answer.first?.first)
      let bounds = String(decoding: piece.bytes, as: UTF8.self).split(separator: " ").compactMap {
        UInt32($0)
      }
      // No text holds a surrogate, so a range may go over them.
      let theirs = stride(from: 0, to: bounds.count, by: 2).reduce(ScalarSet.none) {
        $0.union(ScalarSet(bounds[$1]...bounds[$1 + 1] - 1))
      }
      let surrogates = ScalarSet(0xD800...0xDFFF)
      let (missing, more) = (
        theirs.subtracting(ours.set), ours.set.subtracting(theirs).subtracting(surrogates)
      )
      #expect(missing.ranges.prefix(8) == [] && more.ranges.prefix(8) == [], "\(ours.name)")
    }
  }

  @Test(arguments: ["NFC", "NFD", "NFKC", "NFKD", "Lowercase"])
  func `what a character alone becomes is what it becomes at the peers`(_ name: String) throws {
    let json = #"{"type": "\#(name)"}"#
    let location = Location("tokenizer.json")
    let normalizer = try #require(
      try NormalizerReader.normalizer(.object(JSONDocument.object(Array(json.utf8))), at: location))
    let answers = try ComponentPeer.answers([("mappings", json)], [""])
    let theirs = Dictionary(
      uniqueKeysWithValues: try #require(answers.first?.first).map { ($0.start, $0.bytes) })
    #expect(theirs.count > 1000)
    // In lines, so that none is next to another, and in blocks, so that one is not asked of all.
    let scalars = (0..<0x11_0000).compactMap { Unicode.Scalar(UInt32($0)) }.filter { $0 != "\n" }
    for block in stride(from: 0, to: scalars.count, by: 1024) {
      var (old, expected): ([UInt8], [UInt8]) = ([], [])
      for scalar in scalars[block..<min(block + 1024, scalars.count)] {
        let bytes = [UInt8](scalar: scalar.value) + [0x0A]
        old += bytes
        expected += theirs[Int(scalar.value)].map { $0 + [0x0A] } ?? bytes
      }
      var text = NormalizedText(old, tracksOrigins: false)
      normalizer.normalize(&text)
      guard text.bytes != expected else { continue }
      let lines = zip(text.bytes.split(separator: 0x0A), expected.split(separator: 0x0A))
      for (ours, theirs) in lines where ours != theirs {
        Issue.record(
          "\(String(decoding: ours, as: UTF8.self)) for \(String(decoding: theirs, as: UTF8.self))")
      }
    }
  }
}
