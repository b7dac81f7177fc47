// SPDX-License-Identifier: Apache-2.0
// One layer of gzip around a tar, or of gzip or zlib around anything, decoded to a scratch file by zlib, which compares the
// checksum and keeps nothing of headers. Page: formats/containers/archive.md.
import IngotBytes
import IngotCore

/// Decodes a gzipped tar, or any file that is compressed as a whole.
struct GzipDecoder {
  private let source: any ByteSource
  private let scratchFolder: String
  private let frame: Inflater.Frame
  private let isTar: Bool
  /// What may still be decoded.
  private(set) var budget: DecodingBudget
  private var position = 0
  private var input: [UInt8] = []
  private var inputStart = 0

  /// Prepares to decode a gzipped tar; its output goes to a scratch file in the folder.
  init(_ source: any ByteSource, scratchFolder: String) {
    self.init(source, .gzip, isTar: true, scratchFolder: scratchFolder, budget: DecodingBudget(of: source))
  }

  /// Prepares to decode a file, of a tar or of anything.
  init(
    _ source: any ByteSource, _ frame: Inflater.Frame, isTar: Bool = false, scratchFolder: String,
    budget: DecodingBudget
  ) {
    self.source = source
    self.frame = frame
    self.isTar = isTar
    self.scratchFolder = scratchFolder
    self.budget = budget
  }

  /// What is inside.
  ///
  /// - Throws: AR-01 for what is not sound or no tar, ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a file of
  ///   another kind inside, ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for one that decodes to out of
  ///   proportion, and the errors of reading and writing.
  mutating func decode() throws(IngotError) -> ScratchSource {
    let file = try OutputFile.scratch(in: scratchFolder, byteCount: 0)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var (byteCount, reserved) = (0, 0)
    var inflater = Inflater(frame)
    while true {
      if Process.isInterrupted { throw .interrupted }
      try refill()
      let count = try decode(with: &inflater, into: buffer)
      try budget.add(count)
      if isTar, byteCount == 0, count > 0 {
        try requireTar(Array(buffer[..<min(count, FormatRegistry.firstByteCount)]))
      }
      if byteCount + count > reserved {
        // Space is taken step by step: nobody knows beforehand how long it becomes.
        reserved = max(byteCount + count, reserved + min(max(reserved, 1 << 20), 64 << 20))
        try file.reserve(byteCount: reserved)
      }
      try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: byteCount)
      byteCount += count
      if inflater.isFinished {
        guard try findNextMember() else { break }
        inflater = Inflater(frame)
      }
    }
    guard byteCount > 0 || !isTar else { throw malformed("no bytes inside", "a tar archive") }
    return ScratchSource(file, byteCount: byteCount, path: source.path)
  }

  private func malformed(_ found: Evidence, _ expected: Evidence) -> IngotError {
    .malformed(
      ArchiveRule.wellFormed.rule, at: Location(source.path, offset: position - (input.count - inputStart)),
      found: found, expected: expected)
  }

  /// Reads on when all input was used.
  private mutating func refill() throws(IngotError) {
    guard inputStart == input.count else { return }
    input = try source.bytes(at: position, count: min(1 << 18, source.byteCount - position))
    inputStart = 0
    position += input.count
  }

  private mutating func decode(
    with inflater: inout Inflater, into buffer: UnsafeMutableRawBufferPointer
  ) throws(IngotError) -> Int {
    var result = (used: 0, written: 0)
    var failure: Inflater.Failure?
    input.withUnsafeBytes { raw in
      do throws(Inflater.Failure) {
        result = try inflater.decode(UnsafeRawBufferPointer(rebasing: raw[inputStart...]), into: buffer)
      } catch {
        failure = error
      }
    }
    switch failure {
    case .corrupt?: throw malformed("no sound gzip", "compressed bytes with the checksum that they say")
    case .truncated?: throw malformed("the end of the file", "more of a compressed stream")
    case nil: break
    }
    inputStart += result.used
    return result.written
  }

  /// Whether another member follows; zeros may stand behind the last.
  private mutating func findNextMember() throws(IngotError) -> Bool {
    while true {
      try refill()
      guard inputStart < input.count else { return false }
      guard let next = input[inputStart...].firstIndex(where: { $0 != 0 }) else {
        inputStart = input.count
        continue
      }
      guard next == inputStart, input[next] == 0x1F, frame == .gzip else {
        throw malformed("bytes behind the compressed stream", "nothing, or zeros")
      }
      return true
    }
  }

  /// Refuses what is no tar before more of it is decoded.
  private func requireTar(_ firstBytes: [UInt8]) throws(IngotError) {
    guard !ArchiveKind.isTar(firstBytes) else { return }
    let known: Evidence? =
      if ArchiveKind(firstBytes: firstBytes) == .gzip { "gzip once more" } else {
        FormatRegistry.formats.first { $0.recognizes(firstBytes: firstBytes, byteCount: .max) }.map {
          "\(words: $0.title)"
        }
          ?? ForeignContent.name(ofFirstBytes: firstBytes).map { "\(words: $0)" }
      }
    guard let known else { throw malformed("a gzipped file that is not a tar", "a gzipped tar") }
    throw .unsuitable(
      Location(source.path), why: "is a gzipped file, not a tar archive: it holds \(known)",
      hint: "`gunzip` decompresses it")
  }
}

/// Counts what an archive decodes to against its own length.
struct DecodingBudget {
  private let source: any ByteSource
  private var decodedByteCount = 0

  /// Bytes that an archive of any length may decode to.
  private static let freeByteCount = 64 << 20

  init(of source: any ByteSource) {
    self.source = source
  }

  /// Counts more bytes, before they are kept.
  ///
  /// - Throws: ``IngotCore/IngotError/limitExceeded(_:at:asked:)``
  mutating func add(_ byteCount: Int) throws(IngotError) {
    decodedByteCount = decodedByteCount.checkedAdd(byteCount) ?? .max
    let excess = UInt64(max(0, decodedByteCount - Self.freeByteCount))
    let ratio = excess / UInt64(max(1, source.byteCount))
    guard ratio <= Limit.archiveExpansion.value else {
      throw .limitExceeded(.archiveExpansion, at: Location(source.path), asked: ratio)
    }
  }
}
