// SPDX-License-Identifier: Apache-2.0
// Tokenizers of all makes beside Hugging Face's, on the same text: the same ids and places; and what holds of any text.
import Foundation
import IngotCore
import IngotTestSupport
import IngotText
import Testing

@Suite struct TokenizerPeerTests {
  /// Fixtures with a tokenizer.json.
  static let names =
    ["kjv-gpt2", "wordpiece/cased", "wordpiece/uncased"]
    + Fixture.names(in: "tokenizers").map { "tokenizers/\($0)" }

  /// Text of many scripts from a seed, English, and what the added tokens of the fixtures look for.
  private static func text(seed: Int, count: Int) throws -> [UInt8] {
    let script = "fixtures/generate/mixed_text.py"
    let mixed = try PythonPeer.run(script, [String(seed), String(count)]).standardOutput
    let english = try Fixture.bytes("kjv-gpt2/heldout.txt").prefix(count / 2)
    let marks =
      "The <mask> earth  earthly </s>  and <s> cafe\u{301} café heaven and   the heath <|endoftext|>hea [MASK] ##"
    return Array(mixed.utf8) + english + Array(marks.utf8) + Array(longPieces.utf8)
  }

  /// Pieces of more symbols than are looked through each time, of which many pairs are alike, and overlap.
  private static let longPieces =
    ["s", "e", "l", "o", "a", "0", "=", "  ", "th", "aab", "thee", "and"].map {
      " " + String(repeating: $0, count: 61)
    }.joined()
    + " andtheearthwaswithoutformandvoidanddarknesswasuponthefaceofthedeepandthespiritmoveduponthefaceofthewaters"
    + " thesearethegenerationsoftheheavensandoftheearthwhentheywerecreatedinthedaythatthelordmadethem"

  static func files(_ name: String, _ names: [String]) throws -> TokenizerFiles {
    TokenizerFiles(
      try names.map { Companion(kind: .tokenizer, name: $0, bytes: try Fixture.bytes("\(name)/\($0)")) },
      folder: name)
  }

  static func tokenizer(_ name: String) throws -> Tokenizer {
    try #require(try files(name, ["tokenizer.json"]).tokenizer())
  }

  /// Ids and places by Hugging Face's library: places in bytes, and empty where they are within a character.
  private static let peer = """
    import json, sys
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.no_truncation(); tokenizer.no_padding()
    text = open(sys.argv[2], encoding="utf-8", newline="").read()
    places = [0]
    for letter in text: places.append(places[-1] + len(letter.encode()))
    encoding = tokenizer.encode(text, add_special_tokens=True)
    decoded = tokenizer.decode(encoding.ids, skip_special_tokens=False)
    json.dump({"ids": encoding.ids, "firsts": [places[first] for first, _ in encoding.offsets],
               "ends": [places[end] for _, end in encoding.offsets], "text": decoded}, sys.stdout)
    """

  private struct Encoding: Decodable {
    var ids: [UInt32]
    var firsts: [Int]
    var ends: [Int]
    var text: String
  }

  @Test(arguments: names)
  func `ids, places and text are those of Hugging Face's tokenizers`(_ name: String) throws {
    let text = try Self.text(seed: 11, count: 20_000)
    let folder = try TemporaryFolder()
    try Data(text).write(to: URL(fileURLWithPath: folder.file("text")))
    let output = try PythonPeer.run(
      code: Self.peer, [Fixture.path("\(name)/tokenizer.json"), folder.file("text")]
    ).standardOutput
    let expected = try JSONDecoder().decode(Encoding.self, from: Data(output.utf8))
    let tokenizer = try Self.tokenizer(name)
    let found = try tokenizer.encode(text, addsSpecial: true, wantsOffsets: true)
    #expect(found.ids == expected.ids)
    // Of a space that was put before a text the peer says other nonsense than we do.
    let differences = zip(found.ranges, zip(expected.firsts, expected.ends)).filter {
      $0 != $1.0..<max($1.0, $1.1) && !name.hasSuffix("roberta")
    }
    #expect(differences.isEmpty, "\(differences.count), such as \(differences.first as Any)")
    // The peer takes the letters of an added token for bytes.
    guard !name.hasSuffix("gpt2-marks") else { return }
    let decoded = String(decoding: try tokenizer.decode(expected.ids), as: UTF8.self)
    #expect(Array(decoded.unicodeScalars) == Array(expected.text.unicodeScalars))
  }

  @Test(arguments: names)
  func `a stream of any chunks gives the ids and places of the whole text`(_ name: String) throws {
    let text = try Self.text(seed: 12, count: 3000)
    let tokenizer = try Self.tokenizer(name)
    let whole = try tokenizer.encode(text, addsSpecial: true, wantsOffsets: true)
    var random = SeededRandom(seed: 3)
    for longest in [1, 7, 300] {
      var encoder = TokenEncoder(tokenizer, name: "text", addsSpecial: true, wantsOffsets: true)
      var output = EncodedText()
      var rest = text[...]
      while !rest.isEmpty {
        let chunk = rest.prefix(1 + Int(random.next() % UInt64(longest)))
        rest = rest.dropFirst(chunk.count)
        try encoder.add(chunk, to: &output)
      }
      try encoder.finish(to: &output)
      #expect(output.ids == whole.ids, "in chunks of up to \(longest)")
      #expect(output.ranges == whole.ranges, "in chunks of up to \(longest)")
    }
  }

  @Test(arguments: ["kjv-gpt2", "tokenizers/llama3", "tokenizers/smollm"])
  func `any bytes come back from byte-level tokens`(_ name: String) throws {
    let tokenizer = try Self.tokenizer(name)
    var random = SeededRandom(seed: 5)
    for count in [0, 1, 2, 3, 100, 20_000] {
      let bytes = (0..<count).map { _ in
        UInt8(truncatingIfNeeded: random.next() >> (random.next() % 3 == 0 ? 8 : 9))
      }
      #expect(try tokenizer.decode(tokenizer.encode(bytes).ids) == bytes)
    }
    let repeated = Array(repeating: UInt8(ascii: "a"), count: 5000)
    #expect(try tokenizer.decode(tokenizer.encode(repeated).ids) == repeated)
  }

  @Test func `tokens by their merges are those that tiktoken finds by their ranks`() throws {
    let text = try Self.text(seed: 21, count: 100_000)
    let folder = try TemporaryFolder()
    try Data(text).write(to: URL(fileURLWithPath: folder.file("text")))
    let code = """
      import json, sys, tiktoken
      from tiktoken.load import data_gym_to_mergeable_bpe_ranks
      letters = [byte for byte in range(256) if chr(byte).isprintable() and chr(byte) not in " \\xa0\\xad"]
      letter = {chr(byte): byte for byte in letters}
      letter |= {chr(256 + n): byte for n, byte in enumerate(byte for byte in range(256) if byte not in letters)}
      vocabulary = json.load(open(sys.argv[1], encoding="utf-8"))
      ranks = {bytes(letter[char] for char in token): id for token, id in vocabulary.items() if token != "<|endoftext|>"}
      text = open(sys.argv[2], encoding="utf-8", newline="").read()
      pattern = r"'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|\\s+(?!\\S)|\\s"
      marks = {"<|endoftext|>": vocabulary["<|endoftext|>"]}
      encoding = tiktoken.Encoding("kjv", pat_str=pattern, mergeable_ranks=ranks, special_tokens=marks)
      print(",".join(str(id) for id in encoding.encode(text, allowed_special="all")))
      """
    let paths = [Fixture.path("kjv-gpt2/vocab.json"), folder.file("text")]
    let output = try PythonPeer.run(code: code, paths).standardOutput
    let expected = output.split { ", \n".contains($0) }.compactMap { UInt32($0) }
    let found = try Self.tokenizer("kjv-gpt2").encode(text)
    #expect(found.ids == expected)
    #expect(try Self.tokenizer("kjv-gpt2").decode(found.ids) == text)
  }

  @Test(arguments: ["kjv-gpt2", "tokenizers/gpt1", "wordpiece/uncased", "wordpiece/cased"])
  func `files of tokens alone make the tokenizer that tokenizer.json is`(_ name: String) throws {
    let text = try Self.text(seed: 13, count: 5000)
    let isWordPiece = name.hasPrefix("wordpiece")
    let names = isWordPiece ? ["vocab.txt", "tokenizer_config.json"] : ["vocab.json", "merges.txt"]
    let tokenizer = try #require(try Self.files(name, names).tokenizer())
    let whole = try Self.tokenizer(name)
    #expect(tokenizer.assumption != nil && whole.assumption == nil)
    #expect(try tokenizer.encode(text).ids == whole.encode(text).ids)
  }

  /// Byte pairs without a token for each byte or character, and none for what is unknown.
  static let gappy = [
    #"""
    {"decoder": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
     "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3, "Ġab": 4, "Ã": 5, "aÃ": 6}, "merges": ["a b", "Ġ ab", "a Ã"]}}
    """#,
    #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "é": 3, "aé": 4}, "merges": ["a b", "a é"]}}"#,
    #"""
    {"pre_tokenizer": {"type": "Whitespace"}, "model": {"type": "BPE", "end_of_word_suffix": "</w>",
     "vocab": {"a": 0, "b</w>": 1, "ab</w>": 2, "é": 3, "aé": 4}, "merges": ["a b</w>", "a é"]}}
    """#,
  ]

  @Test(arguments: gappy)
  func `what stands around characters that no token covers is joined`(_ document: String) throws {
    let text = Array("ab axb xxab a\u{E9}b abx \u{E9}a x ab b\u{4E00}a a\u{4E00}\u{1F525}b ayé xyzb".utf8)
    let folder = try TemporaryFolder()
    let whole = #"{"version": "1.0", "added_tokens": [], "# + document.dropFirst()
    try Data(whole.utf8).write(to: URL(fileURLWithPath: folder.file("tokenizer.json")))
    try Data(text).write(to: URL(fileURLWithPath: folder.file("text")))
    let paths = [folder.file("tokenizer.json"), folder.file("text")]
    let output = try PythonPeer.run(code: Self.peer, paths).standardOutput
    let expected = try JSONDecoder().decode(Encoding.self, from: Data(output.utf8)).ids
    let file = Companion(kind: .tokenizer, name: "tokenizer.json", bytes: Array(whole.utf8))
    let tokenizer = try #require(try TokenizerFiles([file], folder: "model").tokenizer())
    let found = try tokenizer.encode(text, wantsOffsets: true)
    #expect(found.ids == expected && found.leftOutBytes > 0)
    // Places go from the text's start to its end, whatever is left out.
    let ends = zip(found.ranges, found.ranges.dropFirst()).filter { $0.upperBound > $1.lowerBound }
    #expect(ends.isEmpty && found.ranges.allSatisfy { $0.upperBound <= text.count })
    var encoder = TokenEncoder(tokenizer, name: "text")
    var streamed = EncodedText()
    for byte in text { try encoder.add([byte], to: &streamed) }
    try encoder.finish(to: &streamed)
    #expect(streamed.ids == expected && encoder.leftOutBytes == found.leftOutBytes)
  }
}
