// SPDX-License-Identifier: Apache-2.0
// Strings, numbers and keys of JSON against Python's json, and where this reader is stricter by intent.
import Foundation
import IngotCore
import IngotEncodings
import IngotTestSupport
import Testing

@Suite struct JSONTests {
  /// Literals with every escape of RFC 8259, alone and behind other text, and both halves of a pair.
  private static let literals = [
    #""""#, #""plain, grüß, 你好, 😀""#, #""\"\\\/\b\f\n\r\t""#, #""a\fb\bc""#, #""\u0041\u00e9\u4F60""#,
    #""\ud83d\ude00""#, #""x\uD834\uDD1Ey""#, #""\udbff\udfff""#, #""\u0000\u001f\u007f""#,
  ]

  /// What is no JSON, or no value of it.
  private static let broken = [
    #"01"#, #"-01"#, #"00"#, #"1."#, #".5"#, #"+1"#, #"1e"#, #""\x""#, #""\u12""#, #""\u00g0""#,
    "\"a\u{01}b\"",
    "\"a\u{1f}\"", #""unfinished"#, #"[1,]"#, #"{"a":1,}"#, #"tru"#, #"'a'"#,
  ]

  private static func value(_ literal: String) throws -> MetadataValue? {
    try JSONDocument.object(Array("{\"v\":\(literal)}".utf8))["v"]
  }

  /// What Python makes of each literal: its text, `nil` where it refuses.
  private static func python(_ literals: [String]) throws -> [String?] {
    let script = """
      import json, sys
      def text(literal):
          try: return json.loads(literal)
          except ValueError: return None
      print(json.dumps([text(literal) for literal in json.load(sys.stdin)]))
      """
    let input = Array(try JSONEncoder().encode(literals))
    let output = try PythonPeer.run(code: script, input: input).outputBytes
    return try JSONDecoder().decode([String?].self, from: Data(output))
  }

  @Test func `strings are Python's, however they are spelled`() throws {
    for (literal, text) in zip(Self.literals, try Self.python(Self.literals)) {
      #expect(try Self.value(literal) == .string(try #require(text)), "\(literal)")
    }
  }

  @Test func `what Python refuses is refused`() throws {
    for (literal, text) in zip(Self.broken, try Self.python(Self.broken)) {
      #expect(text == nil, "\(literal)")
      #expect(throws: JSONFailure.self, "\(literal)") { try Self.value(literal) }
    }
  }

  /// A word is known by its first letter, and may be another.
  @Test(arguments: ["{nonsense", #"{"a": nul}"#, "{trouble: 1}", #"{"a": falsch}"#])
  func `a word that is none is told of by its letter`(_ text: String) {
    #expect {
      var scanner = JSONScanner(Array(text.utf8))
      try scanner.enterObject()
      guard try scanner.nextKey() != nil else { return }
      if try scanner.peek() == .null { try scanner.null() } else { _ = try scanner.bool() }
    } throws: {
      guard let failure = $0 as? JSONFailure, let letter = text.first(where: { "nft".contains($0) }) else {
        return false
      }
      return failure.kind == .syntax && failure.found == .value(String(letter))
    }
  }

  @Test func `Python reads what is written, control characters too`() throws {
    let texts = (0..<0x30).map { "<\(Character(Unicode.Scalar(UInt8($0))))>" } + ["\"\\/", "\u{7f}\u{2028}😀"]
    let written = texts.map { JSONWriter.quoted($0) }
    for (text, read) in zip(texts, try Self.python(written)) { #expect(read == text) }
  }

  /// Stricter than Python's: RFC 8259 leaves open what these mean.
  @Test(arguments: [
    (#"{"a":1,"a":1}"#, JSONFailure.Kind.duplicateKey), (#"{"v":{"\u0061":1,"a":2}}"#, .duplicateKey),
    (#"{"v":"\ud83d"}"#, .encoding), (#"{"v":"\ude00\ud83d"}"#, .encoding), (#"{"v":"\ud83dA"}"#, .encoding),
    (#"{"v":"\ud83d\u0041"}"#, .encoding), (#"{"v":"\ud83d\ud83d"}"#, .encoding),
  ])
  func `keys are there once, and pairs are whole`(_ text: String, _ kind: JSONFailure.Kind) throws {
    let failure = try #require(throws: JSONFailure.self) { try JSONDocument.object(Array(text.utf8)) }
    #expect(failure.kind == kind)
  }
}
