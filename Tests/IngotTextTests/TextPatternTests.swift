// SPDX-License-Identifier: Apache-2.0
// Regular expressions of published tokenizers against Oniguruma (in Hugging Face's tokenizers), Python's regex and tiktoken.
import IngotCore
import IngotTestSupport
import IngotText
import Testing

/// Patterns of published tokenizers' tokenizer.json: ggml-org/llama.cpp, src/llama-vocab.cpp, lists them with their models.
private let ofOniguruma = [
  "GPT-2": #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
  "Llama 3":
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
  "Qwen 2":
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
  "Mistral's tekken":
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
  "o200k":
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
  "DeepSeek V3, numbers": #"\p{N}{1,3}"#,
  "DeepSeek V3, Chinese": "[一-龥぀-ゟ゠-ヿ]+",
  "DeepSeek V3, the rest":
    ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
  "DeepSeek LLM, line ends": #"[\r\n]"#, "DeepSeek LLM, letters": #"\s?\p{L}+"#,
  "DeepSeek LLM, marks": #"\s?\p{P}+"#,
  "DeepSeek LLM, the end": #"\s+$"#, "DeepSeek LLM, Asian": "[一-龥ࠀ-一가-\u{D7FF}]+",
  "Falcon": "[0-9][0-9][0-9]", "Bloom": #" ?[^(\s|[.,!?…。，、।۔،])]+"#,
  "MPT": #"\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}|\S+"#,
  "Jais": #"\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{1,2}(?!\S)|\s{1}"#,
  "Poro": #" ?[^(\s|.,!?…。，、।۔،)]+"#, "Viking": #"\p{N}"#, "Chameleon": #"([\t\n]|    |  )"#,
  "Chameleon, marks": #"[\p{P}!-/:-@\[-`{-~]"#, "Chameleon, images": "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
  "Kimi K2":
    #"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
  "GPT-4o by llama.cpp":
    #"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+(?:'[sS]|'[tT])?|\p{N}{1,3}"#,
  "SEED": #"(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"#,
  "a count of counts": #"\p{N}{1,3}+|[^\s\w]+?|\w{2,}?"#, "possessive": #"a++|[^\s\p{L}]?+b|\s*+\n|\s"#,
  "sets": #"[[:space:]&&[^\n]]+|[\p{^L}&&\S]+|\h+|[\]\-a]"#,
  "code points": #"[\x{4E00}-\x{9FFF}]+|\u00e9|\x41"#,
  "a lookahead": #"\p{L}+(?=\s|$)|\p{L}(?!\p{M})"#,
]

/// Patterns of tiktoken's own encodings, but for GPT-2's: openai/tiktoken, tiktoken_ext/openai_public.py.
private let ofTiktoken = [
  "r50k": #"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"#,
  "cl100k":
    #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"#,
  "o200k":
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
]

@Suite struct TextPatternTests {
  private static let here = Location("tokenizer.json")

  /// All that a pattern finds in a text.
  private static func matches(_ pattern: TextPattern, _ text: [UInt8]) -> [PeerPiece] {
    var scan = PatternScan(pattern)
    var found: [PeerPiece] = []
    _ = scan.run(text, 0..<text.count, isEnd: true, asLetters: false) { range, isMatch in
      if isMatch {
        found.append(PeerPiece(bytes: Array(text[range]), start: range.lowerBound, end: range.upperBound))
      }
    }
    return found
  }

  private static func expectSame(
    _ patterns: [String: String], _ dialect: PatternDialect, texts: [String], _ theirs: [[[PeerPiece]]]
  ) throws {
    for ((name, source), theirs) in zip(patterns.sorted(by: { $0.key < $1.key }), theirs) {
      let pattern = try TextPattern(source, dialect: dialect, at: here)
      let differing = zip(texts, theirs).filter { matches(pattern, Array($0.utf8)) != $1 }
      #expect(differing.count == 0, "\(name)")
      for (text, theirs) in differing.prefix(3) {
        #expect(matches(pattern, Array(text.utf8)) == theirs, "\(name) in \(text.debugDescription)")
      }
    }
  }

  @Test func `patterns find what Oniguruma finds`() throws {
    let texts = MixedTexts.all()
    let questions = ofOniguruma.sorted { $0.key < $1.key }.map { _, source in
      (
        "pre_tokenizer",
        #"{"type": "Split", "pattern": {"Regex": \#(ComponentPeer.quoted(source))}, "behavior": "Removed", "invert": true}"#
      )
    }
    try Self.expectSame(ofOniguruma, .oniguruma, texts: texts, try ComponentPeer.answers(questions, texts))
  }

  @Test func `patterns find what tiktoken and Python's regex module find`() throws {
    let texts = MixedTexts.all(assigned: true)
    let questions = ofTiktoken.sorted { $0.key < $1.key }.map { ("tiktoken", ComponentPeer.quoted($1)) }
    try Self.expectSame(ofTiktoken, .fancyRegex, texts: texts, try ComponentPeer.answers(questions, texts))
  }

  @Test(arguments: [
    (#"(a)\1"#, "an escape of its kind"), (#"(?<=a)b"#, "a group of its kind"),
    (#"(?<!a)b"#, "a group of its kind"),
    (#"a(?=bc)"#, "a look ahead further than one character"),
    (#"(?=(\d{3})+(?!\d))"#, "a look ahead further than one character"),
    (#"\bword\b"#, "a look at a word's border"), ("^a", "a look back to a line's start"),
    ("a*", "a pattern that matches nothing at all"),
    ("(a*)*b", "a repetition of what may be empty"),
    ("(ab)++", "a repetition that gives nothing back, of more than one character"),
    ("a{1001}", "a count over 1000"), ("(a", "a group that is not closed"),
    ("a)", "a parenthesis that closes nothing"),
    ("[a", "brackets that are not closed"), (#"\p{Klingon}"#, "a property of its name"),
    ("*a", "a repetition of nothing"),
    ("(?i:é)", "case ignored beyond ASCII"), ("[z-a]", "a range that goes down"),
    ("(?<n>a)", "a group of its kind"),
    ("[[:word:]]", "a class of its name"), ("a{2}?", "a count that is optional"),
    (#"\Ga"#, "an escape of its kind"),
  ])
  func `what can't be matched in linear time, or is not known, is refused by name`(
    _ source: String, _ name: String
  ) {
    let error = #expect(throws: IngotError.self) {
      try TextPattern(source, dialect: .oniguruma, at: Self.here)
    }
    guard case .unsupported(let what, Self.here)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    let words = what.pieces.map { if case .words(let text) = $0 { text } else { "" } }.joined()
    #expect(words.hasPrefix(name), "\(words)")
  }

  @Test(arguments: [
    String(repeating: "(", count: 100_000), String(repeating: "[", count: 100_000),
    String(repeating: "(?:a", count: 50),
    "((((a{1,99}){1,99}){1,99}){1,99})b", "(a|b)*a(a|b){30}c", String(repeating: "a|", count: 30_000) + "b",
    #"(\p{L}|\p{N}){1,1000}[\p{L}\s]{1,1000}x"#,
  ])
  func `a pattern too large to be made is refused soon`(_ source: String) {
    #expect(throws: IngotError.self) { try TextPattern(source, dialect: .oniguruma, at: Self.here) }
  }

  /// Patterns that make a backtracking matcher try for ever, or one that begins anew at each place quadratic.
  @Test(arguments: [
    "(a|a)+b", "(a+)+b", "(?:a|aa|aaa)+$x", "a+b|c", #"\s+$"#, "[ab]+c|a", "(x+x+)+y", "a{1,50}b",
    #"(?:\p{L}+\s?)+!"#,
  ])
  func `time is linear in the text, whatever the pattern`(_ source: String) throws {
    let pattern = try TextPattern(source, dialect: .oniguruma, at: Self.here)
    for unit in ["a", "x", " ", "ab", " a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\t"] {
      var counts: [Int] = []
      for size in [50_000, 100_000] {
        let text = Array(String(repeating: unit, count: size / unit.utf8.count).utf8)
        var scan = PatternScan(pattern)
        _ = scan.run(text, 0..<text.count, isEnd: true, asLetters: false) { _, _ in }
        counts.append(scan.steps)
        // Between two notes of failures a search goes on for 256 bytes at the most.
        #expect(scan.steps <= 600 * text.count, "\(unit.debugDescription)")
      }
      #expect(counts[1] <= 3 * counts[0] + 1000, "\(unit.debugDescription): \(counts)")
    }
  }

  @Test func `bytes that are no text are characters of no class`() throws {
    let pattern = try TextPattern(ofOniguruma["GPT-2"] ?? "", dialect: .oniguruma, at: Self.here)
    var random = SeededRandom(seed: 5)
    for _ in 0..<200 {
      let bytes = random.bytes(random.integer(in: 1...40)) + Array("é".utf8) + [0xC3]
      let found = Self.matches(pattern, bytes)
      #expect(found.flatMap(\.bytes) == bytes)
    }
    #expect(
      Self.matches(pattern, [0x61, 0xFF, 0xC3, 0x20, 0xED, 0xA0, 0x80, 0x62]).map(\.bytes) == [
        [0x61], [0xFF, 0xC3], [0x20, 0xED, 0xA0, 0x80], [0x62],
      ])
  }
}
