// SPDX-License-Identifier: Apache-2.0
// What heuristics judge a text by, measured in one pass each: letters, repeated lines, markup. docs/corpus.md has the
// definitions.
import IngotBytes
import IngotCore

/// Measures of a text.
package enum TextMeasures {
  /// The share of letters, and of marks on them, among characters that are no white space; 0 where there are none.
  package static func letterShare(_ text: UnsafeBufferPointer<UInt8>) -> Double {
    let table = LetterTable.shared
    var (letters, characters, place) = (0, 0, 0)
    while place < text.count {
      let byte = text[place]
      if byte < 0x80 {
        place += 1
        if !isSpace(byte) { characters += 1 }
        if (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) { letters += 1 }
        continue
      }
      let length = min(byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4, text.count - place)
      let kind = table.kind(of: Unicode.Scalar.value(of: text, at: place, length))
      place += length
      if kind != .space { characters += 1 }
      if kind == .letter { letters += 1 }
    }
    return characters == 0 ? 0 : Double(letters) / Double(characters)
  }

  /// The share of lines that stand further up already, white space around them left out, and empty ones.
  ///
  /// - Parameters:
  ///   - text: the text.
  ///   - digests: room for the lines' digests.
  /// - Returns: the share.
  /// - Complexity: O(n + l · log l) for n bytes in l lines.
  package static func repeatedShare(_ text: UnsafeBufferPointer<UInt8>, _ digests: inout [UInt64]) -> Double {
    digests.removeAll(keepingCapacity: true)
    var start = 0
    for place in 0...text.count where place == text.count || text[place] == UInt8(ascii: "\n") {
      var (first, end) = (start, place)
      while first < end, isSpace(text[first]) { first += 1 }
      while first < end, isSpace(text[end - 1]) { end -= 1 }
      if first < end {
        let line = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: text[first..<end]))
        digests.append(XXH3.shortDigest(of: line))
      }
      start = place + 1
    }
    guard digests.count > 1 else { return 0 }
    digests.sort()
    let repeated = zip(digests, digests.dropFirst()).count { $0 == $1 }
    return Double(repeated) / Double(digests.count)
  }

  /// Bytes behind which a tag, or a character reference, is none.
  private static let (longestTag, longestReference) = (1024, 12)

  /// The share of bytes in tags (`<p class="x">`, `</p>`, `<!-- -->`, `<?xml ?>`) and character references (`&amp;`).
  package static func markupShare(_ text: UnsafeBufferPointer<UInt8>) -> Double {
    var (marked, place) = (0, 0)
    while place < text.count {
      let length =
        switch text[place] {
        case UInt8(ascii: "<"): tagLength(text, at: place)
        case UInt8(ascii: "&"): referenceLength(text, at: place)
        default: 0
        }
      marked += length
      place += max(1, length)
    }
    return text.isEmpty ? 0 : Double(marked) / Double(text.count)
  }

  /// The bytes of the tag that begins here; 0 when none does.
  ///
  /// Another `<` ends what is none, so that no byte is looked at more than twice.
  private static func tagLength(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> Int {
    guard start + 1 < text.count else { return 0 }
    let next = text[start + 1]
    guard isLetter(next) || [UInt8(ascii: "/"), UInt8(ascii: "!"), UInt8(ascii: "?")].contains(next) else {
      return 0
    }
    for place in start + 1..<min(text.count, start + longestTag) {
      if text[place] == UInt8(ascii: ">") { return place + 1 - start }
      if text[place] == UInt8(ascii: "<") { return 0 }
    }
    return 0
  }

  private static func referenceLength(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> Int {
    for place in start + 1..<max(start + 1, min(text.count, start + longestReference)) {
      let byte = text[place]
      if byte == UInt8(ascii: ";") { return place - start > 1 ? place + 1 - start : 0 }
      let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      guard isLetter(byte) || isDigit || byte == UInt8(ascii: "#") && place == start + 1 else { return 0 }
    }
    return 0
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }
}

/// Which characters are letters and which are white space, by the standard library's version of Unicode: a table of the
/// first plane, which is asked for once a character.
final class LetterTable: Sendable {
  /// What a character is.
  enum Kind: UInt8 {
    case other, letter, space
  }

  /// The one table.
  static let shared = LetterTable()

  private let kinds: [Kind]

  private init() {
    kinds = (0..<0x1_0000).map { Unicode.Scalar(UInt32($0)).map(Self.kind) ?? .other }
  }

  /// What the character of a value is.
  func kind(of value: UInt32) -> Kind {
    if value < kinds.count { return kinds[Int(value)] }
    return Unicode.Scalar(value).map(Self.kind) ?? .other
  }

  private static func kind(_ scalar: Unicode.Scalar) -> Kind {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .nonspacingMark, .spacingMark, .enclosingMark:
      .letter
    default: scalar.properties.isWhitespace ? .space : .other
    }
  }
}
