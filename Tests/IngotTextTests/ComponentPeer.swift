// SPDX-License-Identifier: Apache-2.0
// Texts, and what other implementations make of them: Tests/Peers/tokenizer_components.py.
import Foundation
import IngotCore
import IngotTestSupport
import IngotText

/// A piece of text, and the bytes of the original that it stands for.
struct PeerPiece: Equatable, CustomStringConvertible {
  var bytes: [UInt8]
  var start: Int
  var end: Int

  var description: String { "\(start)..<\(end) \(String(decoding: bytes, as: UTF8.self).debugDescription)" }
}

/// Other implementations of a tokenizer's components.
enum ComponentPeer {
  /// What to ask for: the kind, and the component or pattern as JSON.
  typealias Question = (kind: String, value: String)

  /// For each question, for each text, the pieces.
  static func answers(_ questions: [Question], _ texts: [String]) throws -> [[[PeerPiece]]] {
    let asked = questions.map { #"{"kind": "\#($0.kind)", "value": \#($0.value)}"# }
    var input = Array("[\(asked.joined(separator: ", "))]\n".utf8)
    for text in texts {
      input.append(contentsOf: withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian, Array.init))
      input.append(contentsOf: text.utf8)
    }
    let output = try PythonPeer.run("Tests/Peers/tokenizer_components.py", input: input).outputBytes
    var place = 0
    func number() -> Int {
      defer { place += 4 }
      return output[place..<place + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    func pieces() -> [PeerPiece] {
      (0..<number()).map { _ in
        let (start, end, length) = (number(), number(), number())
        defer { place += length }
        return PeerPiece(bytes: Array(output[place..<place + length]), start: start, end: end)
      }
    }
    return questions.map { _ in texts.map { _ in pieces() } }
  }

  /// A text as JSON.
  static func quoted(_ text: String) -> String {
    let data = (try? JSONSerialization.data(withJSONObject: [text])) ?? Data()
    return String(String(decoding: data, as: UTF8.self).dropFirst().dropLast())
  }
}

/// Texts of every kind, the same on every run.
enum MixedTexts {
  /// What is known to make trouble.
  static let chosen: [String] = [
    "", " ", "  ", "\n", "a", "Hello, world!", "  leading and trailing  ", "I'm you're he'll WE'VE it'S 'tis",
    "don't 'S 'ſ 'ſt ’s", "tabs\tand\nnew\r\nlines \n\n  \n end  ", "1234567 12,345.67 ½ ² ٣٤ 一二三 Ⅷ",
    "a\u{A0}b\u{3000}c\u{2003}d",
    "ÀÉÎõü àéîõü ÅÅÅ ǖ ộ ệ",
    "e\u{301}e\u{301}\u{327} a\u{327}\u{301} \u{301}x q\u{307}\u{323} q\u{323}\u{307}",
    "각 가\u{11A8} \u{1100}\u{1161}\u{11A8} ㄱㅏㄱ 한국어 텍스트", "日本語のテキスト。カタカナ ｶﾀｶﾅ ﾊﾟ", "中文文本，标点符号！你好 world世界",
    "Русский текст — ёлка", "Ελληνικά ΣΑΣ ς", "العربية نَصٌّ عَرَبِيٌّ ١٢٣", "עִבְרִית", "हिन्दी में लिखा क्षत्रिय", "ไทยภาษา ข้อความ",
    "தமிழ் உரை", "မြန်မာ ဘာသာ",
    "👩‍👩‍👧‍👦👍🏽🇩🇪🇫🇷🇺 ❤️ ☎️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "İstanbul ıI ŞĞ ß ﬁ ﬃ ŉ K Å Ω", "\u{FEFF}bom \u{200B}zero\u{200D}width\u{AD}soft",
    "\u{0}\u{1}\u{1F}\u{7F}\u{85}\u{9F} c0 c1",
    "▁already▁marked ▁ ▁▁x", "##word [CLS] <s> </s> <|endoftext|>", "func main() {\n\tprint(\"x\\n\")\n}\n",
    "a_b-c+d=e*f/g%h^i&j|k~l`m",
    "http://example.org/a?b=c&d=%20#e", "0xDEADBEEF 1e-10 3.14159 v1.2.3", "ᾳ ᾼ ΐ ﷺ ㌀ ㍻ ㋿ ①②③ ⓐⒶ 𝐀𝔸 ℌ ｆｕｌｌ",
    "\u{10FFFF}\u{E000}\u{FFFD}",
    "\r\n\r\n \r \n", "x\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{316}\u{317}\u{318}\u{319}",
    "ཀྵ ཱི \u{F71}\u{F72}\u{F74} \u{1D15E} \u{FB1D} \u{FB2C}",
    "Zażółć gęślą jaźń…“quoted” «guillemets» ‚low‘", "..., !!! ??? --- ... ''' \"\"\"",
    "CamelCaseWord XMLHttpRequest iOS mRNA ABCdef",
    // More white space at the end than a chunk has.
    "white at the end \t\n \u{3000}\u{A0} \r\n \u{2003}   ",
  ]

  /// Characters that random texts are made of, the first more often.
  private static let pool: [String] = [
    "a", "b", "e", "s", "t", "S", "T", "Z", " ", " ", " ", "\n", "\r", "\t", "1", "2", "9", "'", "'", ".",
    ",", "!", "-", "_", "(", "/", "|", "$", "▁",
    "é", "e\u{301}", "\u{301}", "\u{327}", "\u{308}", "ß", "ſ", "İ", "ı", "K", "Å", "µ", "ﬁ", "²", "½", "Ⅷ",
    "①", "٣", "\u{A0}", "\u{3000}", "\u{2028}",
    "\u{85}", "\u{200B}", "\u{200D}", "\u{FE0F}", "\u{FEFF}", "\u{AD}", "\u{0}", "\u{1}", "\u{7F}",
    "\u{FFFD}", "中", "文", "字", "々", "。", "，", "ひ", "カ",
    "ｶ", "ﾞ", "한", "가", "\u{1100}", "\u{1161}", "\u{11A8}", "я", "Ж", "ё", "Ω", "ς", "ά", "ع", "َ", "א", "ִ",
    "ह", "ि", "्", "क", "ไ", "้", "த", "👩", "👍", "🏽",
    "❤", "🇩", "🇪", "𝔸", "𐐀", "𐒰", "𞤀", "ꙮ", "ꟲ", "\u{1E8D4}", "\u{10FFFF}", "\u{E000}", "\u{1F1E6}", "ǆ", "ǅ",
    "ʰ", "ª", "ー", "〇", "㋿", "‿", "“", "—", "€", "©", "∑",
  ]

  /// Texts of such characters.
  static func pooled(_ count: Int, seed: UInt64) -> [String] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in
      (0..<random.integer(in: 1...40)).map { _ in pool[random.integer(in: 0...pool.count - 1)] }.joined()
    }
  }

  /// Texts of characters of all planes, those that are assigned in Unicode 16 alone where asked for.
  static func planes(_ count: Int, seed: UInt64, assigned: Bool) -> [String] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in
      var text = String.UnicodeScalarView()
      let highest = [0x2FF, 0xFFFF, 0x1_FFFF, 0x3_FFFF, 0x10_FFFF][random.integer(in: 0...4)]
      for _ in 0..<random.integer(in: 1...30) {
        guard let scalar = Unicode.Scalar(UInt32(random.integer(in: 0...highest))) else { continue }
        if !assigned || !unassigned.contains(scalar.value) { text.append(scalar) }
      }
      return String(text)
    }
  }

  private static let unassigned = ScalarSet.category("Cn") ?? .none

  /// All of them.
  static func all(assigned: Bool = false) -> [String] {
    chosen + pooled(400, seed: 1) + planes(300, seed: 2, assigned: assigned)
      + [
        pooled(40, seed: 3).joined(separator: " "), String(repeating: "a", count: 700),
        String(repeating: " \n", count: 300),
      ]
  }
}
