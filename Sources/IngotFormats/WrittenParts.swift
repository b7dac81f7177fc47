// SPDX-License-Identifier: Apache-2.0
// What became of the parts of a plan. There may be millions, so that they are kept in columns, and of checksums only those
// that somebody asks for.
import IngotCore

/// What became of a planned part.
package struct WrittenPart: Hashable, Sendable {
  /// Which part it is.
  package var reference: PartReference
  /// Index of its file in ``WritePlan/files``.
  package var file: Int
  /// Where it starts in its file, its lead included.
  package var offset: Int
  /// Bytes in the file, lead included: when compressed, as they were compressed.
  package var storedByteCount: Int
  /// What the plan asked for.
  package var checksums = PartChecksums()

  /// Makes a record of a part that was written.
  package init(reference: PartReference, file: Int, offset: Int, storedByteCount: Int) {
    self.reference = reference
    self.file = file
    self.offset = offset
    self.storedByteCount = storedByteCount
  }
}

/// The checksums of a written part, those that its plan asked for.
package struct PartChecksums: Hashable, Sendable {
  /// CRC-32, when the plan asked for it; else 0.
  package var crc32: UInt32 = 0
  /// CRC-32C, when the plan asked for it; else 0.
  package var crc32c: UInt32 = 0
  /// XXH3, when the plan asked for it.
  package var xxh3: XXH3Digest?
  /// SHA-256, when the plan asked for it.
  package var sha256: [UInt8]?
  /// XXH3 of the source, when the plan asked for it.
  package var sourceXXH3: XXH3Digest?

  /// Makes checksums of which none is known.
  package init() {}
}

/// What became of the parts of a plan, in its order.
package struct WrittenParts: RandomAccessCollection, Sendable {
  private struct Place: Sendable {
    var reference: PartReference
    var file: UInt32
    var offset: Int
    var storedByteCount: Int
  }

  /// A column of digests, some of which may be unknown.
  private struct Digests: Sendable {
    private var values: [XXH3Digest] = []
    private var isKnown: [Bool] = []

    mutating func append(_ digest: XXH3Digest?) {
      values.append(digest ?? XXH3Digest(high: 0, low: 0))
      isKnown.append(digest != nil)
    }

    subscript(position: Int) -> XXH3Digest? {
      get { isKnown[position] ? values[position] : nil }
      set {
        values[position] = newValue ?? XXH3Digest(high: 0, low: 0)
        isKnown[position] = newValue != nil
      }
    }
  }

  private let kinds: Set<PartDigestKind>
  private var places: [Place] = []
  private var crc32: [UInt32] = []
  private var crc32c: [UInt32] = []
  private var xxh3 = Digests()
  private var sha256: [[UInt8]?] = []
  private var sourceXXH3 = Digests()

  /// Starts without any part; only checksums of these kinds are kept.
  package init(keeping kinds: Set<PartDigestKind>) { self.kinds = kinds }

  /// The first position.
  package var startIndex: Int { 0 }
  /// The position behind the last part.
  package var endIndex: Int { places.count }

  /// One part.
  package subscript(position: Int) -> WrittenPart {
    get {
      let place = places[position]
      var part = WrittenPart(
        reference: place.reference, file: Int(place.file), offset: place.offset,
        storedByteCount: place.storedByteCount)
      if kinds.contains(.crc32) { part.checksums.crc32 = crc32[position] }
      if kinds.contains(.crc32c) { part.checksums.crc32c = crc32c[position] }
      if kinds.contains(.xxh3) { part.checksums.xxh3 = xxh3[position] }
      if kinds.contains(.sha256) { part.checksums.sha256 = sha256[position] }
      if kinds.contains(.sourceXXH3) { part.checksums.sourceXXH3 = sourceXXH3[position] }
      return part
    }
    set {
      places[position] = Self.place(of: newValue)
      if kinds.contains(.crc32) { crc32[position] = newValue.checksums.crc32 }
      if kinds.contains(.crc32c) { crc32c[position] = newValue.checksums.crc32c }
      if kinds.contains(.xxh3) { xxh3[position] = newValue.checksums.xxh3 }
      if kinds.contains(.sha256) { sha256[position] = newValue.checksums.sha256 }
      if kinds.contains(.sourceXXH3) { sourceXXH3[position] = newValue.checksums.sourceXXH3 }
    }
  }

  /// Adds a part behind the others.
  package mutating func append(_ part: WrittenPart) {
    places.append(Self.place(of: part))
    if kinds.contains(.crc32) { crc32.append(part.checksums.crc32) }
    if kinds.contains(.crc32c) { crc32c.append(part.checksums.crc32c) }
    if kinds.contains(.xxh3) { xxh3.append(part.checksums.xxh3) }
    if kinds.contains(.sha256) { sha256.append(part.checksums.sha256) }
    if kinds.contains(.sourceXXH3) { sourceXXH3.append(part.checksums.sourceXXH3) }
  }

  private static func place(of part: WrittenPart) -> Place {
    Place(
      reference: part.reference, file: UInt32(clamping: part.file), offset: part.offset,
      storedByteCount: part.storedByteCount)
  }
}
