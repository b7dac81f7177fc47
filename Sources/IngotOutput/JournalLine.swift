// SPDX-License-Identifier: Apache-2.0
// A part of an output that is written, as a line of the output's journal.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels

/// A part that is written, with what was learnt on the way.
struct JournalLine {
  /// Where it is in the plan.
  struct Place: Hashable {
    /// Index of its file.
    var file: Int
    /// Index of its chunk in the file.
    var chunk: Int
  }

  /// Where it is in the plan.
  var place: Place
  /// CRC-32, when the plan asked for it; else 0.
  var crc32: UInt32
  /// CRC-32C, when the plan asked for it; else 0.
  var crc32c: UInt32
  /// XXH3, when the plan asked for it.
  var xxh3: XXH3Digest?
  /// SHA-256, when the plan asked for it.
  var sha256: [UInt8]?
  /// XXH3 of the source, when the plan asked for it.
  var sourceXXH3: XXH3Digest?
  /// What casting lost.
  var castReport: CastReport?
  /// Whether its bytes are the source's, and none of the checksums was taken.
  var isCopied = false

  /// Makes a record of a part whose checksums were taken.
  init(_ part: WrittenPart, chunk: Int, castReport: CastReport?) {
    place = Place(file: part.file, chunk: chunk)
    (crc32, crc32c) = (part.crc32, part.crc32c)
    (xxh3, sha256, sourceXXH3) = (part.xxh3, part.sha256, part.sourceXXH3)
    self.castReport = castReport
  }

  /// The numbers as a line has them, in hexadecimal; an empty field for what there is not.
  var line: String {
    func hexadecimal(_ numbers: [UInt64]) -> String {
      numbers.map { String($0, radix: 16) }.joined(separator: ":")
    }
    func field(_ digest: XXH3Digest?) -> String { digest.map { hexadecimal([$0.high, $0.low]) } ?? "" }
    let cast = castReport.map {
      hexadecimal([
        UInt64($0.overflowCount), $0.largestOverflow.bitPattern, UInt64($0.inexactCount),
        UInt64($0.lostInfinityCount),
      ])
    }
    return [
      hexadecimal([UInt64(place.file), UInt64(place.chunk), UInt64(crc32), UInt64(crc32c)]), field(xxh3),
      field(sourceXXH3),
      sha256.map { hexadecimal($0.map(UInt64.init)) } ?? "", cast ?? "", isCopied ? "copied" : "end",
    ].joined(separator: " ")
  }

  /// Reads a line; `nil` for anything else.
  init?(line: String) {
    let fields = line.split(separator: " ", omittingEmptySubsequences: false)
    guard fields.count == 6, ["end", "copied"].contains(fields[5]) else { return nil }
    var numbers: [[UInt64]] = []
    for field in fields.dropLast() {
      let texts = field.split(separator: ":")
      let values = texts.compactMap { UInt64($0, radix: 16) }
      guard values.count == texts.count else { return nil }
      numbers.append(values)
    }
    func digest(_ values: [UInt64]) -> XXH3Digest? {
      values.count == 2 ? XXH3Digest(high: values[0], low: values[1]) : nil
    }
    guard numbers[0].count == 4, let file = Int(exactly: numbers[0][0]),
      let chunk = Int(exactly: numbers[0][1]), let crc32 = UInt32(exactly: numbers[0][2]),
      let crc32c = UInt32(exactly: numbers[0][3])
    else { return nil }
    place = Place(file: file, chunk: chunk)
    isCopied = fields[5] == "copied"
    (self.crc32, self.crc32c) = (crc32, crc32c)
    (xxh3, sourceXXH3) = (digest(numbers[1]), digest(numbers[2]))
    sha256 = numbers[3].isEmpty ? nil : numbers[3].map { UInt8(truncatingIfNeeded: $0) }
    if numbers[4].count == 4 {
      var report = CastReport()
      report.overflowCount = Int(truncatingIfNeeded: numbers[4][0])
      report.largestOverflow = Double(bitPattern: numbers[4][1])
      report.inexactCount = Int(truncatingIfNeeded: numbers[4][2])
      report.lostInfinityCount = Int(truncatingIfNeeded: numbers[4][3])
      castReport = report
    }
  }
}

extension JournalLine {
  /// Whether a file holds the part as it was written: what is on disk is read before it is trusted.
  ///
  /// - Parameters:
  ///   - file: the output's file.
  ///   - offset: where the part begins, its lead included.
  ///   - lead: the bytes before the part's own.
  ///   - byteCount: the part's own bytes.
  ///   - kinds: the checksums that were taken.
  ///   - original: where the part's bytes were copied from.
  /// - Returns: whether it does.
  /// - Throws: the errors of reading, and ``IngotCore/IngotError/interrupted``.
  func isIntact(
    in file: OutputFile, at offset: Int, lead: [UInt8], byteCount: Int, kinds: Set<PartDigestKind>,
    original: (source: any ByteSource, offset: Int)?
  ) throws(IngotError) -> Bool {
    let step = 1 << 18
    let buffers = (0..<2).map { _ in UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 64) }
    defer { for buffer in buffers { buffer.deallocate() } }
    func bytes(_ buffer: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(rebasing: buffers[buffer][..<count])
    }
    for start in stride(from: 0, to: lead.count, by: step) {
      let expected = lead[start..<min(start + step, lead.count)]
      try file.read(into: bytes(0, expected.count), at: offset + start)
      guard bytes(0, expected.count).elementsEqual(expected) else { return false }
    }
    let digests = PartDigests(kinds)
    digests.updateLead(lead)
    for start in stride(from: 0, to: byteCount, by: step) {
      if Process.isInterrupted { throw .interrupted }
      let found = bytes(0, min(step, byteCount - start))
      try file.read(into: found, at: offset + lead.count + start)
      guard isCopied else {
        digests.update(UnsafeRawBufferPointer(found))
        continue
      }
      guard let original else { return false }
      let expected = bytes(1, found.count)
      try original.source.read(into: expected, at: original.offset + start)
      // SAFETY: both have the count that is compared.
      guard found.elementsEqual(expected) else { return false }
    }
    guard !isCopied else { return true }
    var part = WrittenPart(
      reference: PartReference(tensor: 0), file: place.file, offset: offset, storedByteCount: 0)
    digests.finish(&part)
    return (part.crc32, part.crc32c) == (crc32, crc32c) && part.xxh3 == xxh3 && part.sha256 == sha256
  }
}
