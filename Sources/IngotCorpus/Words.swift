// SPDX-License-Identifier: Apache-2.0
// The words of a text, as near duplicates are compared by: docs/corpus.md has the definition. It needs no table of
// Unicode's that changes from version to version.
import IngotCore

/// The words of a text, one space between any two.
package struct Words {
  /// The words' bytes, letters of ASCII in lower case.
  package private(set) var bytes: [UInt8] = []
  /// Where each word begins.
  private var starts: [Int] = []
  /// Bytes of ``bytes`` that are used.
  private var byteCount = 0

  /// How many there are.
  package var count: Int { starts.count }

  /// Shingles: runs of so many words; a text with fewer words is one.
  package func shingleCount(of length: Int) -> Int { count == 0 ? 0 : max(1, count - length + 1) }

  /// Where a shingle is in ``bytes``.
  package func shingle(_ index: Int, of length: Int) -> Range<Int> {
    let next = index + length
    return starts[index]..<(next < count ? starts[next] - 1 : byteCount)
  }

  /// Makes the words of no text.
  package init() {}

  /// Takes the words of another text.
  ///
  /// - Parameter text: UTF-8.
  package mutating func take(_ text: UnsafeBufferPointer<UInt8>) {
    starts.removeAll(keepingCapacity: true)
    // A word has a byte at least, and a space before it for which a byte stands in the text, or it is a character of three
    // bytes that is a word by itself.
    let room = text.count + text.count / 3 + 4
    if bytes.count < room { bytes = [UInt8](repeating: 0, count: room + room / 4) }
    var starts = starts
    byteCount = bytes.withUnsafeMutableBufferPointer { Self.write(text, to: $0, &starts) }
    self.starts = starts
  }

  /// Writes the words; returns how many bytes they take.
  private static func write(
    _ text: UnsafeBufferPointer<UInt8>, to bytes: UnsafeMutableBufferPointer<UInt8>, _ starts: inout [Int]
  ) -> Int {
    // A global's first use is looked for at every access.
    let letters = asciiWordBytes
    var (place, end) = (0, 0)
    var isInWord = false

    func begin() {
      if !starts.isEmpty {
        bytes[end] = 0x20
        end += 1
      }
      starts.append(end)
    }

    while place < text.count {
      let byte = text[place]
      if byte < 0x80 {
        place += 1
        let letter = letters[Int(byte)]
        guard letter != 0 else {
          isInWord = false
          continue
        }
        if !isInWord { begin() }
        isInWord = true
        bytes[end] = letter
        end += 1
        continue
      }
      let length = min(byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4, text.count - place)
      defer { place += length }
      let kind = WordCharacter.kind(of: Unicode.Scalar.value(of: text, at: place, length))
      guard kind != .none else {
        isInWord = false
        continue
      }
      if !isInWord || kind == .whole { begin() }
      isInWord = kind == .part
      for index in place..<place + length {
        bytes[end] = text[index]
        end += 1
      }
    }
    return end
  }
}

/// Letters of ASCII in lower case and digits, by themselves; 0 for what stands between words.
private let asciiWordBytes: [UInt8] = (0..<128).map { byte in
  switch UInt8(byte) {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): UInt8(byte)
  case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt8(byte) + 32
  default: 0
  }
}

/// What characters beyond ASCII are to words.
enum WordCharacter {
  /// What a character is to words.
  enum Kind {
    /// It stands between words.
    case none
    /// It is a part of one.
    case part
    /// It is one: scripts that have no spaces.
    case whole
  }

  /// Signs, punctuation and spaces: between words.
  private static let between: [ClosedRange<UInt32>] = [
    0x80...0xA9, 0xAB...0xB4, 0xB6...0xB9, 0xBB...0xBF, 0xD7...0xD7, 0xF7...0xF7, 0x2000...0x206F,
    0x2E00...0x2E7F, 0x3000...0x303F, 0xFE30...0xFE4F, 0xFEFF...0xFEFF, 0xFF00...0xFF0F, 0xFF1A...0xFF20,
    0xFF3B...0xFF40, 0xFF5B...0xFF65,
  ]

  /// Thai, Lao, Burmese, Khmer, Kana, and the characters of Chinese.
  private static let whole: [ClosedRange<UInt32>] = [
    0xE00...0xEFF, 0x1000...0x109F, 0x1780...0x17FF, 0x3040...0x30FF, 0x31F0...0x31FF, 0x3400...0x4DBF,
    0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF,
  ]

  /// What a character beyond ASCII is.
  static func kind(of value: UInt32) -> Kind {
    if (0xC0..<0xE00).contains(value), value != 0xD7, value != 0xF7 { return .part }
    if whole.contains(where: { $0.contains(value) }) { return .whole }
    return between.contains { $0.contains(value) } ? .none : .part
  }
}

extension Unicode.Scalar {
  /// The value of a character beyond ASCII in UTF-8.
  static func value(of text: UnsafeBufferPointer<UInt8>, at place: Int, _ length: Int) -> UInt32 {
    var value = UInt32(text[place]) & (0x7F >> UInt32(length))
    for index in place + 1..<place + length { value = value << 6 | UInt32(text[index] & 0x3F) }
    return value
  }
}
