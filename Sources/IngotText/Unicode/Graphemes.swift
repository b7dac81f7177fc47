// SPDX-License-Identifier: Apache-2.0
// Characters as readers see them: extended grapheme clusters, Unicode Standard Annex 29, rules GB3 to GB13.

/// Finds where extended grapheme clusters end.
struct GraphemeBreaks {
  /// Grapheme_Cluster_Break, by the numbers of `breakNames`.
  private enum Kind: UInt8 {
    case other, carriageReturn, lineFeed, control, extend, joiner, regional, prepend, spacing, leading, vowel,
      trailing
    case syllable, closedSyllable
  }

  private static let classes = ScalarMap(
    UnicodeTables.runs(UnicodeTables.breaks).map {
      (length: $0.length, value: UInt8(truncatingIfNeeded: $0.value))
    })
  private static let consonant: UInt8 = 1
  private static let conjunctExtend: UInt8 = 2
  private static let linker: UInt8 = 3

  private var before: Kind?
  /// Regional indicators in a row.
  private var regionalCount = 0
  /// Whether a picture and what extends it stand before, and whether a joiner behind these.
  private var isBehindPicture = false
  private var isPictureJoined = false
  /// Whether a consonant and what extends it stand before, and whether a linker is among that.
  private var isBehindConsonant = false
  private var isLinked = false

  /// Takes the next character and says whether a cluster begins with it.
  mutating func begins(with scalar: UInt32) -> Bool {
    let bits = Self.classes[scalar]
    let kind = Kind(rawValue: bits & 15) ?? .other
    let isPicture = bits & 16 != 0
    let conjunct = bits >> 5
    let begins = isBreak(before: kind, isPicture: isPicture, conjunct: conjunct)
    regionalCount = kind == .regional ? (begins ? 1 : regionalCount + 1) : 0
    isPictureJoined = isBehindPicture && kind == .joiner
    isBehindPicture = isPicture || (isBehindPicture && kind == .extend)
    if conjunct == Self.consonant {
      (isBehindConsonant, isLinked) = (true, false)
    } else {
      isBehindConsonant = isBehindConsonant && (conjunct == Self.conjunctExtend || conjunct == Self.linker)
      isLinked = isBehindConsonant && (isLinked || conjunct == Self.linker)
    }
    before = kind
    return begins
  }

  private func isBreak(before kind: Kind, isPicture: Bool, conjunct: UInt8) -> Bool {
    switch (before, kind) {
    case (nil, _): true
    case (.carriageReturn, .lineFeed): false
    case (.control, _), (.carriageReturn, _), (.lineFeed, _), (_, .control), (_, .carriageReturn),
      (_, .lineFeed):
      true
    case (.leading, .leading), (.leading, .vowel), (.leading, .syllable), (.leading, .closedSyllable): false
    case (.syllable, .vowel), (.syllable, .trailing), (.vowel, .vowel), (.vowel, .trailing): false
    case (.closedSyllable, .trailing), (.trailing, .trailing): false
    case (_, .extend), (_, .joiner), (_, .spacing), (.prepend, _): false
    case (.regional, .regional): regionalCount.isMultiple(of: 2)
    default: !(isPicture && isPictureJoined) && !(conjunct == Self.consonant && isLinked)
    }
  }
}
