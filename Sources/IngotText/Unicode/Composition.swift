// SPDX-License-Identifier: Apache-2.0
// Decomposing and composing characters: Unicode Standard Annex 15, with the tables of Unicode 9. Of each character it is
// said, as the crate unicode-normalization-alignments does, how many of the old text's it stands for.

/// The normalization forms of Unicode.
package struct NormalizationForm: Sendable {
  /// Whether characters are composed again.
  let composes: Bool
  /// Whether also what is only compatible is decomposed.
  let isCompatible: Bool
  /// What the form does to each character, in bits.
  private let traits: ScalarMap

  package static let nfc = NormalizationForm(composes: true, isCompatible: false)
  package static let nfd = NormalizationForm(composes: false, isCompatible: false)
  package static let nfkc = NormalizationForm(composes: true, isCompatible: true)
  package static let nfkd = NormalizationForm(composes: false, isCompatible: true)

  private static let startsSegment: UInt8 = 1
  private static let isInert: UInt8 = 2

  private init(composes: Bool, isCompatible: Bool) {
    self.composes = composes
    self.isCompatible = isCompatible
    let data = UnicodeComposition.shared
    let seconds = Set(data.pairs.keys.map { UInt32($0 & 0xFFFF_FFFF) })
    let jamo = UInt32(0x1161)...0x11FF
    let marks = ScalarSet(UnicodeTables.runs(UnicodeTables.combiningClasses)) { $0 > 0 }
    var touched = Set(data.canonical.keys).union(marks.ranges.joined())
    if isCompatible { touched.formUnion(data.compatible.keys) }
    if composes { touched.formUnion(seconds) }
    func trait(of scalar: UInt32) -> UInt8 {
      var decomposed: [UInt32] = []
      data.decompose(scalar, isCompatible: isCompatible) { decomposed.append($0) }
      let first = decomposed.first ?? scalar
      let joins = composes && (seconds.contains(first) || jamo.contains(first))
      // A composed character stays where it is composed again.
      let stays = composes && decomposed.count > 1 && !joins && data.composes(decomposed, to: scalar)
      let starts = data.combiningClass(first) == 0 && !joins ? Self.startsSegment : 0
      return starts | (stays && starts != 0 ? Self.isInert : 0)
    }
    if composes { touched.formUnion(jamo) }
    // Each run begins at a character that something happens to; Hangul's syllables are all alike.
    let plain = Self.startsSegment | Self.isInert
    var runs: [(length: Int, value: UInt8)] = []
    var place: UInt32 = 0
    func add(_ range: Range<UInt32>, _ value: UInt8) {
      runs.append((Int(range.lowerBound - place), plain))
      runs.append((range.count, value))
      place = range.upperBound
    }
    let syllables = Hangul.syllables
    let places = touched.sorted()
    for scalar in places where scalar < syllables.lowerBound { add(scalar..<scalar + 1, trait(of: scalar)) }
    add(syllables, trait(of: syllables.lowerBound))
    for scalar in places where scalar >= syllables.upperBound { add(scalar..<scalar + 1, trait(of: scalar)) }
    runs.append((Int(ScalarSet.limit - place), plain))
    traits = ScalarMap(runs)
  }

  /// Whether no character before this one has to do with it or with those behind it.
  func startsSegment(_ scalar: UInt32) -> Bool { traits[scalar] & Self.startsSegment != 0 }

  /// Whether it stays as it is where the next character starts a segment.
  func isInert(_ scalar: UInt32) -> Bool { traits[scalar] & Self.isInert != 0 }

  /// A character, and what became of the old text's.
  struct Change {
    /// The character.
    var scalar: UInt32
    /// 0 where it replaces one of the old text, 1 where it is put in, -n where it replaces one and n more go.
    var count: Int
  }

  /// Normalizes one segment.
  func normalize(_ segment: some Sequence<UInt32>) -> [Change] {
    let data = UnicodeComposition.shared
    var changes: [Change] = []
    var unsorted = 0
    for scalar in segment {
      var isFirst = true
      data.decompose(scalar, isCompatible: isCompatible) { part in
        if data.combiningClass(part) == 0 {
          Self.sort(&changes, from: unsorted)
          unsorted = changes.count + 1
        }
        changes.append(Change(scalar: part, count: isFirst ? 0 : 1))
        isFirst = false
      }
    }
    Self.sort(&changes, from: unsorted)
    return composes ? composed(changes) : changes
  }

  /// Sorts marks by their class; those of one class keep their order.
  private static func sort(_ changes: inout [Change], from start: Int) {
    guard changes.count - start > 1 else { return }
    let data = UnicodeComposition.shared
    let marks = changes[start...].enumerated().map { ($0, data.combiningClass($1.scalar), $1) }
    guard zip(marks, marks.dropFirst()).contains(where: { $0.1 > $1.1 }) else { return }
    changes.replaceSubrange(start..., with: marks.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.2))
  }

  private func composed(_ changes: [Change]) -> [Change] {
    let data = UnicodeComposition.shared
    var composed: [Change] = []
    /// Where the last starter stands, and the class of what stands behind it last.
    var starter: Int?
    var lastClass: UInt8?
    for change in changes {
      let combining = data.combiningClass(change.scalar)
      if let starter, lastClass.map({ $0 < combining }) ?? true,
        let pair = data.compose(composed[starter].scalar, change.scalar)
      {
        composed[starter].scalar = pair
        composed[starter].count += change.count - 1
        continue
      }
      composed.append(change)
      if combining == 0 {
        starter = composed.count - 1
        lastClass = nil
      } else if starter != nil {
        lastClass = combining
      }
    }
    return composed
  }
}

/// Hangul's syllables, which are computed: The Unicode Standard, section 3.12.
enum Hangul {
  static let syllables: Range<UInt32> = 0xAC00..<0xD7A4
  static let leading: Range<UInt32> = 0x1100..<0x1113
  static let vowels: Range<UInt32> = 0x1161..<0x1176
  /// From the one before the first, which stands for none.
  static let trailing: Range<UInt32> = 0x11A7..<0x11C3

  /// The parts of a syllable.
  static func decompose(_ syllable: UInt32, _ body: (UInt32) -> Void) {
    let index = syllable - syllables.lowerBound
    body(leading.lowerBound + index / 588)
    body(vowels.lowerBound + index % 588 / 28)
    if index % 28 > 0 { body(trailing.lowerBound + index % 28) }
  }

  /// The syllable of two parts.
  static func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if leading.contains(first), vowels.contains(second) {
      return syllables.lowerBound + ((first - 0x1100) * 21 + second - 0x1161) * 28
    }
    if syllables.contains(first), (first - syllables.lowerBound) % 28 == 0,
      trailing.dropFirst().contains(second)
    {
      return first + second - trailing.lowerBound
    }
    return nil
  }
}

/// The tables of decompositions, as they are looked up.
struct UnicodeComposition: Sendable {
  static let shared = UnicodeComposition()

  let canonical = UnicodeTables.mappings(UnicodeTables.canonical)
  let compatible = UnicodeTables.mappings(UnicodeTables.compatible)
  /// Combining classes.
  let classes: ScalarMap
  /// Composed characters, by the first of two times 2^32 and the second.
  let pairs: [UInt64: UInt32]

  private init() {
    classes = ScalarMap(
      UnicodeTables.runs(UnicodeTables.combiningClasses)
        .map { (length: $0.length, value: UInt8(truncatingIfNeeded: $0.value)) })
    let never = ScalarSet(table: UnicodeTables.notComposed)
    var pairs: [UInt64: UInt32] = [:]
    for (composed, parts) in canonical where parts.count == 2 && !never.contains(composed) {
      pairs[UInt64(parts[0]) << 32 | UInt64(parts[1])] = composed
    }
    self.pairs = pairs
  }

  func combiningClass(_ scalar: UInt32) -> UInt8 { scalar < 0x300 ? 0 : classes[scalar] }

  /// The composed character of two.
  func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
    Hangul.compose(first, second) ?? pairs[UInt64(first) << 32 | UInt64(second)]
  }

  /// Gives a character's parts, as far as they decompose.
  func decompose(_ scalar: UInt32, isCompatible: Bool, _ body: (UInt32) -> Void) {
    if scalar < 0xA0 { return body(scalar) }
    if Hangul.syllables.contains(scalar) { return Hangul.decompose(scalar, body) }
    guard let parts = canonical[scalar] ?? (isCompatible ? compatible[scalar] : nil) else {
      return body(scalar)
    }
    // The tables' own mappings go three steps down at the most.
    for part in parts { decompose(part, isCompatible: isCompatible, body) }
  }

  /// Whether parts in their order compose to a character.
  func composes(_ parts: [UInt32], to scalar: UInt32) -> Bool {
    var composed = parts.first
    for part in parts.dropFirst() { composed = composed.flatMap { compose($0, part) } }
    return composed == scalar
  }
}
