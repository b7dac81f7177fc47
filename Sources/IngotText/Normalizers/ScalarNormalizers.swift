// SPDX-License-Identifier: Apache-2.0
// Normalizers that look at one character at a time: Lowercase, StripAccents, Nmt, and the steps of BertNormalizer.

/// Changes text character by character.
protocol ScalarNormalizer: Normalizer {
  /// What becomes of a character; `nil` where it stays.
  func replacement(for scalar: UInt32) -> [UInt32]?
}

extension ScalarNormalizer {
  func normalize(_ text: inout NormalizedText) {
    let scalars = text.bytes.scalars
    guard scalars.contains(where: { replacement(for: $0.value) != nil }) else { return }
    text.rewrite { rewriter in
      for scalar in scalars {
        guard let replacement = replacement(for: scalar.value) else {
          rewriter.keep(scalar.length)
          continue
        }
        guard let first = replacement.first else {
          rewriter.remove(scalar.length)
          continue
        }
        rewriter.replace(scalar.length, with: [UInt8](scalar: first))
        for next in replacement.dropFirst() { rewriter.insert([UInt8](scalar: next)) }
      }
    }
  }

  func settledCount(of text: NormalizedText) -> Int { text.bytes.count }
}

/// Lower case, whatever stands around: Rust's `char::to_lowercase`.
struct Lowercase: ScalarNormalizer {
  func replacement(for scalar: UInt32) -> [UInt32]? {
    if scalar < 0x80 { return (0x41...0x5A).contains(scalar) ? [scalar + 0x20] : nil }
    return Self.isUpper[scalar] == 1 ? Self.mappings[scalar] : nil
  }

  private static let mappings = UnicodeTables.mappings(UnicodeTables.lowercase)
  private static let isUpper = ScalarMap(
    set: mappings.keys.sorted().reduce(into: ScalarSet.none) { $0.append($1) })
}

/// Takes characters of a set away.
struct Removal: ScalarNormalizer {
  private let holds: ScalarMap

  init(_ set: ScalarSet) { holds = ScalarMap(set: set) }

  func replacement(for scalar: UInt32) -> [UInt32]? { holds[scalar] == 1 ? [] : nil }

  /// Takes marks away.
  static let accents = Removal(.marks)
}

/// Puts a space in place of characters of a set.
struct Spacing: ScalarNormalizer {
  private let holds: ScalarMap

  init(_ set: ScalarSet) { holds = ScalarMap(set: set.subtracting(ScalarSet(" "))) }

  func replacement(for scalar: UInt32) -> [UInt32]? { holds[scalar] == 1 ? [0x20] : nil }
}

/// Puts spaces around Chinese characters, as BERT does.
struct ChineseSpacing: ScalarNormalizer {
  func replacement(for scalar: UInt32) -> [UInt32]? {
    switch scalar {
    case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x2_0000...0x2_A6DF, 0x2_A700...0x2_B81F,
      0x2_B920...0x2_CEAF, 0x2_F800...0x2_FA1F:
      [0x20, scalar, 0x20]
    default: nil
    }
  }
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
