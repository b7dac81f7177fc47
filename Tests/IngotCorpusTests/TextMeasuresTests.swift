// SPDX-License-Identifier: Apache-2.0
// What heuristics measure, beside the definitions of docs/corpus.md in Python.
import IngotCorpus
import IngotTestSupport
import Testing

@Suite struct TextMeasuresTests {
  private static func measures(_ text: String) -> [Double] {
    var text = text
    var room: [UInt64] = [1]
    return text.withUTF8 { bytes in
      [
        TextMeasures.letterShare(bytes), TextMeasures.repeatedShare(bytes, &room),
        TextMeasures.markupShare(bytes),
      ]
    }
  }

  @Test func `letters are counted among what is no white space`() {
    #expect(Self.measures("ab 12\n")[0] == 0.5)
    #expect(Self.measures("слово — λ")[0] == 6.0 / 7)
    #expect(Self.measures(" \u{3000}\n")[0] == 0)
  }

  @Test func `lines are repeated that stand further up, but for white space around them`() {
    #expect(Self.measures("a\n b\r\n\na\nb \na")[1] == 3.0 / 5)
    #expect(Self.measures("one line")[1] == 0)
  }

  @Test func `tags and character references are markup`() {
    #expect(Self.measures("<b>x</b>&lt;&#10;")[2] == 16.0 / 17)
    for plain in [
      "a < b > c", "<", "<1>", "a & b; c", "&;", "&", "<b <",
      "<p" + String(repeating: " ", count: 2000) + ">",
    ] {
      #expect(Self.measures(plain)[2] == 0, "\(plain)")
    }
    #expect(Self.measures("<b <i>")[2] == 0.5)
  }

  /// Letters by Python's version of Unicode, which may know other ones: of characters that both have, all are the same.
  @Test func `random texts have the measures that Python finds`() throws {
    var random = SeededRandom(seed: 4)
    let pieces = [
      "a line of words", "  a line of words", "<p>", "</p>", "<!-- note -->", "&amp;", "&#x41;", "1984",
      "größe",
      "слово", "言葉", "<a href='x'>", "\n", "\n", "\n", "<<p>>", "é", "e\u{301}", "@@@", "\u{A0}", "<",
    ]
    let texts = (0..<300).map { _ in
      (0..<random.integer(in: 0...30)).map { _ in pieces[random.integer(in: 0...pieces.count - 1)] }.joined()
    }
    let printed = try PythonPeer.run(
      code: """
        import re, sys, unicodedata
        for text in sys.stdin.buffer.read().decode().split("\\0"):
            signs = [c for c in text if not c.isspace()]
            letters = sum(unicodedata.category(c)[0] in "LM" for c in signs)
            lines = [line for line in (line.strip(" \\t\\n\\r\\v\\f") for line in text.split("\\n")) if line]
            marked = re.findall(r"<(?:[A-Za-z/!?])[^<>]{0,1021}>|&(?:#?[A-Za-z0-9]+);", text)
            size = len(text.encode())
            print(letters / len(signs) if signs else 0.0, 1 - len(set(lines)) / len(lines) if len(lines) > 1 else 0.0,
                  sum(len(piece.encode()) for piece in marked) / size if size else 0.0)
        """, input: Array(texts.joined(separator: "\0").utf8)
    ).standardOutput
    for (text, line) in zip(texts, printed.split(separator: "\n")) {
      let expected = line.split(separator: " ").compactMap { Double($0) }
      let found = Self.measures(text)
      #expect(
        zip(found, expected).allSatisfy { ($0 - $1).magnitude < 1e-12 }, "\(text): \(found) \(expected)")
    }
  }
}
