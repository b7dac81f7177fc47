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
  /// What the plan asked for.
  var checksums: PartChecksums
  /// What casting lost.
  var castReport: CastReport?
  /// Whether its bytes are the source's, and none of the checksums was taken.
  var isCopied = false

  /// Makes a record of a part whose checksums were taken.
  init(_ part: WrittenPart, chunk: Int, castReport: CastReport?) {
    place = Place(file: part.file, chunk: chunk)
    checksums = part.checksums
    self.castReport = castReport
  }

  /// The fields of a line, in order: numbers in hexadecimal with colons between, nothing for what there is not, and a word.
  private enum Field: Int, CaseIterable {
    /// File, chunk, CRC-32 and CRC-32C.
    case place
    case xxh3, sourceXXH3, sha256
    /// Counts of what casting lost.
    case cast
    /// `end`, or `copied`.
    case word
  }

  /// The part as a line.
  var line: String {
    func hexadecimal(_ numbers: [UInt64]) -> String {
      numbers.map { String($0, radix: 16) }.joined(separator: ":")
    }
    func field(_ digest: XXH3Digest?) -> String { digest.map { hexadecimal([$0.high, $0.low]) } ?? "" }
    let cast = castReport.map { hexadecimal($0.numbers) }
    return [
      hexadecimal([
        UInt64(place.file), UInt64(place.chunk), UInt64(checksums.crc32), UInt64(checksums.crc32c),
      ]),
      field(checksums.xxh3), field(checksums.sourceXXH3),
      checksums.sha256.map { hexadecimal($0.map(UInt64.init)) } ?? "", cast ?? "",
      isCopied ? "copied" : "end",
    ].joined(separator: " ")
  }

  /// Reads a line; `nil` for anything else.
  init?(line: String) {
    let fields = line.split(separator: " ", omittingEmptySubsequences: false)
    guard fields.count == Field.allCases.count, let word = fields.last, ["end", "copied"].contains(word)
    else { return nil }
    var numbers: [[UInt64]] = []
    for field in fields.dropLast() {
      let texts = field.split(separator: ":")
      let values = texts.compactMap { UInt64($0, radix: 16) }
      guard values.count == texts.count else { return nil }
      numbers.append(values)
    }
    func digest(_ field: Field) -> XXH3Digest? {
      let values = numbers[field.rawValue]
      return values.count == 2 ? XXH3Digest(high: values[0], low: values[1]) : nil
    }
    let (place, sha256) = (numbers[Field.place.rawValue], numbers[Field.sha256.rawValue])
    guard place.count == 4, let file = Int(exactly: place[0]), let chunk = Int(exactly: place[1]),
      let crc32 = UInt32(exactly: place[2]), let crc32c = UInt32(exactly: place[3])
    else { return nil }
    self.place = Place(file: file, chunk: chunk)
    isCopied = word == "copied"
    checksums = PartChecksums()
    (checksums.crc32, checksums.crc32c) = (crc32, crc32c)
    (checksums.xxh3, checksums.sourceXXH3) = (digest(.xxh3), digest(.sourceXXH3))
    checksums.sha256 = sha256.isEmpty ? nil : sha256.map { UInt8(truncatingIfNeeded: $0) }
    castReport = CastReport(numbers: numbers[Field.cast.rawValue])
  }
}

extension CastReport {
  /// The counts as a line has them.
  fileprivate var numbers: [UInt64] {
    [
      UInt64(overflowCount), largestOverflow.bitPattern, UInt64(inexactCount), UInt64(lostInfinityCount),
    ]
  }

  /// The counts of a line; `nil` where there are none.
  fileprivate init?(numbers: [UInt64]) {
    guard numbers.count == 4 else { return nil }
    self.init()
    overflowCount = Int(truncatingIfNeeded: numbers[0])
    largestOverflow = Double(bitPattern: numbers[1])
    inexactCount = Int(truncatingIfNeeded: numbers[2])
    lostInfinityCount = Int(truncatingIfNeeded: numbers[3])
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
    var found = digests.finish()
    found.sourceXXH3 = checksums.sourceXXH3
    return found == checksums
  }
}
