// SPDX-License-Identifier: Apache-2.0
// Normalizers that look at one character at a time: Lowercase, StripAccents, and the steps of BertNormalizer.

/// Changes text character by character.
protocol ScalarNormalizer: Normalizer {
  /// Whether a character does not stay.
  func changes(_ scalar: UInt32) -> Bool

  /// What becomes of a character that does not stay.
  func replacement(for scalar: UInt32) -> [UInt32]
}

extension ScalarNormalizer {
  func normalize(_ text: inout NormalizedText) {
    let bytes = text.bytes
    bytes.withUnsafeBufferPointer { bytes in
      guard let first = nextChange(in: bytes, from: 0) else { return }
      text.rewrite { rewriter in
        var next: (place: Int, scalar: UTF8Scalar)? = first
        while let (place, scalar) = next {
          rewriter.keep(place - rewriter.offset)
          write(scalar, to: &rewriter)
          next = nextChange(in: bytes, from: place + scalar.length)
        }
      }
    }
  }

  private func write(_ scalar: UTF8Scalar, to rewriter: inout TextRewriter) {
    let replacement = replacement(for: scalar.value)
    guard let first = replacement.first else { return rewriter.remove(scalar.length) }
    rewriter.replace(scalar.length, withScalar: first)
    for next in replacement.dropFirst() { rewriter.insert([UInt8](scalar: next)) }
  }

  /// The next character that does not stay.
  private func nextChange(
    in bytes: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> (place: Int, scalar: UTF8Scalar)? {
    var place = start
    while place < bytes.count {
      let scalar = UTF8Scalar(bytes, at: place, end: bytes.count)
      if changes(scalar.value) { return (place, scalar) }
      place += scalar.length
    }
    return nil
  }

  func settledCount(of text: NormalizedText) -> Int { text.bytes.count }
}

/// Lower case, whatever stands around: Rust's `char::to_lowercase`.
struct Lowercase: ScalarNormalizer {
  private let isUpper = Self.isUpper

  /// U+023A has 2 bytes, its small letter 3.
  var growth: Int { 2 }

  func changes(_ scalar: UInt32) -> Bool { isUpper[scalar] == 1 }

  func replacement(for scalar: UInt32) -> [UInt32] { Self.mappings[scalar] ?? [scalar] }

  private static let mappings = UnicodeTables.mappings(UnicodeTables.lowercase)
  private static let isUpper = ScalarMap(
    set: mappings.keys.sorted().reduce(into: ScalarSet.none) { $0.append($1) })
}

/// Takes characters of a set away.
struct Removal: ScalarNormalizer {
  private let holds: ScalarMap

  init(_ set: ScalarSet) { holds = ScalarMap(set: set) }

  var growth: Int { 1 }

  func changes(_ scalar: UInt32) -> Bool { holds[scalar] == 1 }

  func replacement(for scalar: UInt32) -> [UInt32] { [] }

  /// Takes marks away.
  static let accents = Removal(.marks)
}

/// Puts a space in place of characters of a set.
struct Spacing: ScalarNormalizer {
  private let holds: ScalarMap

  init(_ set: ScalarSet) { holds = ScalarMap(set: set.subtracting(ScalarSet(" "))) }

  var growth: Int { 1 }

  func changes(_ scalar: UInt32) -> Bool { holds[scalar] == 1 }

  func replacement(for scalar: UInt32) -> [UInt32] { [0x20] }
}

/// Puts spaces around Chinese characters, as BERT does.
struct ChineseSpacing: ScalarNormalizer {
  /// 2 more than 3.
  var growth: Int { 2 }

  func changes(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x2_0000...0x2_A6DF, 0x2_A700...0x2_B81F,
      0x2_B920...0x2_CEAF, 0x2_F800...0x2_FA1F:
      true
    default: false
    }
  }

  func replacement(for scalar: UInt32) -> [UInt32] { [0x20, scalar, 0x20] }
}

extension ScalarMap {
  /// 1 for each code point of a set.
  init(set: ScalarSet) {
    var runs: [(length: Int, value: UInt8)] = []
    var place: UInt32 = 0
    for range in set.ranges {
      runs.append((Int(range.lowerBound - place), 0))
      runs.append((range.count, 1))
      place = range.upperBound
    }
    runs.append((Int(ScalarSet.limit - place), 0))
    self.init(runs)
  }
}
