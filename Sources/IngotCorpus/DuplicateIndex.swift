// SPDX-License-Identifier: Apache-2.0
// The documents so far, and which of them another one repeats. A document is compared with those that are kept: so a chain
// of small changes is not one long duplicate, and no two that are kept are as near as the threshold, but where bands miss
// them.
import IngotBytes
import IngotCore

/// Finds which earlier document another one repeats.
package struct DuplicateIndex {
  /// Documents of which a band was not kept, since too many had it already.
  package private(set) var crowdedCount = 0

  private let near: NearDuplicates?
  private let layout: BandLayout
  private let signatures: SignatureFile?
  private var digests = DigestTable()
  private var tables: [BandTable]
  /// The number of each document that has a signature, by its index.
  private var numbers: [UInt32] = []
  private var met: [UInt32] = []
  private var other: [UInt32]

  /// Makes an index of no documents.
  ///
  /// - Parameters:
  ///   - near: how near duplicates are found; `nil` looks for exact ones alone.
  ///   - work: where scratch files go.
  /// - Throws: ``IngotError/environment(_:)`` when the file of signatures can't be made.
  package init(_ near: NearDuplicates?, work: WorkOptions) throws(IngotError) {
    self.near = near
    let permutations = near?.permutations ?? 0
    layout = BandLayout(threshold: near?.threshold ?? 1, permutations: permutations)
    tables = Array(repeating: BandTable(), count: near == nil ? 0 : layout.bands)
    other = [UInt32](repeating: 0, count: permutations)
    signatures =
      near == nil
      ? nil : try SignatureFile(in: work.scratchFolder, length: permutations, system: work.system)
  }

  /// Decides on a document, and keeps it in mind.
  ///
  /// - Parameters:
  ///   - number: the document's, from 1, in the order of all.
  ///   - digest: of its text.
  ///   - signature: of its shingles; empty where it has none.
  /// - Returns: the ruling.
  /// - Throws: ``IngotError/environment(_:)`` when signatures can't be written or read.
  package mutating func rule(on number: UInt32, digest: XXH3Digest, signature: [UInt32]) throws(IngotError)
    -> Ruling
  {
    if let original = digests.add(digest, number: number) {
      return Ruling(.exactDuplicate, original: Int(original))
    }
    guard let near, let signatures, !signature.isEmpty else { return Ruling(.kept) }
    let hashes = (0..<layout.bands).map { band in hash(of: signature, band) }
    if let (index, similarity) = try nearest(to: signature, hashes, signatures, near.threshold) {
      return Ruling(.nearDuplicate, original: Int(numbers[index]), similarity: similarity)
    }
    let index = UInt32(numbers.count)
    var isCrowded = false
    for (band, hash) in hashes.enumerated() where !tables[band].add(index, at: hash) { isCrowded = true }
    if isCrowded { crowdedCount += 1 }
    numbers.append(number)
    try signatures.append(signature)
    return Ruling(.kept)
  }

  /// The document with the most equal numbers, the first of several, among those that share a band.
  private mutating func nearest(
    to signature: [UInt32], _ hashes: [UInt32], _ signatures: SignatureFile, _ threshold: Double
  ) throws(IngotError) -> (index: Int, similarity: Double)? {
    met.removeAll(keepingCapacity: true)
    for (band, hash) in hashes.enumerated() { tables[band].find(hash, &met) }
    guard !met.isEmpty else { return nil }
    met.sort()
    var best: (index: Int, equals: Int)?
    var last: UInt32?
    for candidate in met where candidate != last {
      last = candidate
      try signatures.read(Int(candidate), into: &other)
      let equals = zip(signature, other).count { $0 == $1 }
      guard equals > best?.equals ?? -1, Double(equals) / Double(signature.count) >= threshold else {
        continue
      }
      // Hashes of bands have 32 bits, and may be equal where bands are not.
      if sharesBand(signature, other) { best = (Int(candidate), equals) }
    }
    return best.map { ($0.index, Double($0.equals) / Double(signature.count)) }
  }

  private func sharesBand(_ left: [UInt32], _ right: [UInt32]) -> Bool {
    (0..<layout.bands).contains { band in
      let rows = band * layout.rows..<(band + 1) * layout.rows
      return left[rows] == right[rows]
    }
  }

  private func hash(of signature: [UInt32], _ band: Int) -> UInt32 {
    signature.withUnsafeBytes { bytes in
      let rows = band * layout.rows * 4..<(band + 1) * layout.rows * 4
      return UInt32(truncatingIfNeeded: XXH3.shortDigest(of: UnsafeRawBufferPointer(rebasing: bytes[rows])))
    }
  }
}
