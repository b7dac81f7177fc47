// SPDX-License-Identifier: Apache-2.0
// Tables beside dictionaries, bands beside their formula, and what an index says of made signatures.
import IngotBytes
import IngotCore
import IngotCorpus
import IngotTestSupport
import Testing

@Suite struct BandLayoutTests {
  @Test(arguments: [(0.4, 128), (0.5, 128), (0.7, 128), (0.8, 128), (0.8, 16), (0.9, 128), (0.99, 1024)])
  func `bands are the longest that find nine of ten pairs at the threshold`(threshold: Double, count: Int) {
    func meeting(_ rows: Int) -> Double {
      var miss = 1.0
      for _ in 0..<count / rows {
        var same = 1.0
        for _ in 0..<rows { same *= threshold }
        miss *= 1 - same
      }
      return 1 - miss
    }
    let layout = BandLayout(threshold: threshold, permutations: count)
    #expect(layout.bands == count / layout.rows)
    #expect((layout.meeting(at: threshold) - meeting(layout.rows)).magnitude < 1e-12)
    #expect(meeting(layout.rows) >= 0.9)
    #expect((layout.rows + 1...count).allSatisfy { meeting($0) < 0.9 })
  }

  @Test func `the default has sixteen bands of eight`() {
    let layout = BandLayout(threshold: 0.8, permutations: 128)
    #expect((layout.bands, layout.rows) == (16, 8))
    #expect((layout.standardError - 0.0353553).magnitude < 1e-6)
  }
}

@Suite struct TableTests {
  @Test func `digests are found again, however many there are`() {
    var random = SeededRandom(seed: 2)
    var table = DigestTable()
    // Few lower halves, so that halves are equal where digests are not; the last place of the table is used too.
    let digests = (0..<30_000).map { _ in
      XXH3Digest(high: random.next() | (random.next() & 1 == 0 ? .max : 0), low: random.next() & 0xFFF)
    }
    var expected: [XXH3Digest: UInt32] = [:]
    for (index, digest) in digests.enumerated() {
      let number = UInt32(index + 1)
      #expect(table.add(digest, number: number) == expected[digest])
      if expected[digest] == nil { expected[digest] = number }
    }
    #expect(digests.allSatisfy { table.add($0, number: 77) == expected[$0] })
  }

  @Test func `a table of bands finds all documents of a hash, and no more than a crowd`() {
    var random = SeededRandom(seed: 3)
    var table = BandTable()
    var expected: [UInt32: [UInt32]] = [:]
    for document in 0..<40_000 as Range<UInt32> {
      // Some hashes are frequent, and some are the largest, whose places run over the end.
      let next = random.next()
      let hash =
        next % 3 == 0 ? UInt32.max - UInt32(next >> 8 & 0xFF) : UInt32(truncatingIfNeeded: next >> 20)
      let isRoom = expected[hash, default: []].count < BandTable.crowd
      #expect(table.add(document, at: hash) == isRoom)
      if isRoom { expected[hash, default: []].append(document) }
    }
    for (hash, documents) in expected {
      var found: [UInt32] = []
      table.find(hash, &found)
      #expect(found == documents)
    }
    var none: [UInt32] = []
    for hash in 0..<1000 as Range<UInt32> where expected[hash] == nil { table.find(hash, &none) }
    #expect(none == [])
  }
}

@Suite struct DuplicateIndexTests {
  private static func near(_ threshold: Double) -> NearDuplicates {
    var near = NearDuplicates()
    near.threshold = threshold
    return near
  }

  private static func digest(_ number: Int) -> XXH3Digest { XXH3Digest(high: UInt64(number), low: 0) }

  /// A signature that has `equal` numbers of another, those of its first bands.
  private static func signature(like other: [UInt32], equal: Int, _ random: inout SeededRandom) -> [UInt32] {
    other[..<equal] + (equal..<other.count).map { _ in UInt32(truncatingIfNeeded: random.next()) }
  }

  @Test func `the nearest document is named, the first of several, and only from the threshold on`() throws {
    var random = SeededRandom(seed: 8)
    var index = try DuplicateIndex(Self.near(0.75), work: WorkOptions())
    let first = (0..<128).map { _ in UInt32(truncatingIfNeeded: random.next()) }
    #expect(try index.rule(on: 1, digest: Self.digest(1), signature: first).decision == .kept)
    let below = Self.signature(like: first, equal: 95, &random)
    #expect(try index.rule(on: 2, digest: Self.digest(2), signature: below).decision == .kept)
    let at = Self.signature(like: first, equal: 96, &random)
    let ruling = try index.rule(on: 3, digest: Self.digest(3), signature: at)
    #expect(ruling == Ruling(.nearDuplicate, original: 1, similarity: 0.75))
    // What is not kept is no original, but its text is known.
    #expect(try index.rule(on: 4, digest: Self.digest(3), signature: at).original == 3)
    let nearer = Self.signature(like: below, equal: 120, &random)
    #expect(try index.rule(on: 5, digest: Self.digest(5), signature: nearer).original == 2)
    #expect(try index.rule(on: 6, digest: Self.digest(6), signature: []).decision == .kept)
  }

  @Test func `of two that are as near the first is named`() throws {
    var random = SeededRandom(seed: 9)
    var index = try DuplicateIndex(Self.near(0.75), work: WorkOptions())
    let first = (0..<128).map { _ in UInt32(truncatingIfNeeded: random.next()) }
    let second = Self.signature(like: first, equal: 64, &random)
    _ = try index.rule(on: 1, digest: Self.digest(1), signature: first)
    _ = try index.rule(on: 2, digest: Self.digest(2), signature: second)
    let both = Array(first[..<96] + second[96...])
    #expect(
      try index.rule(on: 3, digest: Self.digest(3), signature: both)
        == Ruling(.nearDuplicate, original: 1, similarity: 0.75))
  }

  /// Signatures go to a file after some hundreds of them; those of before and after are found.
  @Test func `documents are found again behind thousands of others`() throws {
    var random = SeededRandom(seed: 6)
    var index = try DuplicateIndex(Self.near(0.8), work: WorkOptions())
    let signatures = (0..<2000).map { _ in (0..<128).map { _ in UInt32(truncatingIfNeeded: random.next()) } }
    for (place, signature) in signatures.enumerated() {
      #expect(
        try index.rule(on: UInt32(place + 1), digest: Self.digest(place), signature: signature).decision
          == .kept)
    }
    for place in [0, 1, 511, 512, 1023, 1500, 1999] {
      let other = Self.signature(like: signatures[place], equal: 110, &random)
      let ruling = try index.rule(on: 5000, digest: Self.digest(place + 10_000), signature: other)
      #expect(ruling.original == place + 1)
    }
  }

  @Test func `a crowd at one band costs no more than so many comparisons`() throws {
    var random = SeededRandom(seed: 7)
    var index = try DuplicateIndex(Self.near(0.8), work: WorkOptions())
    let first = (0..<128).map { _ in UInt32(truncatingIfNeeded: random.next()) }
    for number in 1...200 {
      let one = Self.signature(like: first, equal: 8, &random)
      _ = try index.rule(on: UInt32(number), digest: Self.digest(number), signature: one)
    }
    #expect(index.crowdedCount == 200 - BandTable.crowd)
  }
}
