// SPDX-License-Identifier: Apache-2.0
// A compressed range of a file, decoded in order.
import IngotCore

/// Decodes a deflated range of a file in order, never past the length that its directory declares.
package final class DecodingStream {
  /// Decoded bytes handed out so far.
  package private(set) var position = 0

  private let segment: StorageSegment
  private let files: SourceFiles
  private let decodedByteCount: Int
  private let location: Location
  private var inflater = Inflater()
  private var input: [UInt8]
  private var inputStart = 0
  private var inputEnd = 0
  private var consumed = 0
  private let check: StoredChecksumCheck?

  /// Prepares to decode a range of one of the files.
  package convenience init(
    segment: StorageSegment, files: SourceFiles, decodedByteCount: Int, _ location: Location
  ) {
    self.init(segment: segment, files: files, decodedByteCount: decodedByteCount, location, check: nil)
  }

  /// Prepares to decode a segment, from its start; the check sees every decoded byte.
  init(
    segment: StorageSegment, files: SourceFiles, decodedByteCount: Int, _ location: Location,
    check: StoredChecksumCheck?
  ) {
    self.segment = segment
    self.files = files
    self.decodedByteCount = decodedByteCount
    self.location = location
    self.check = check
    input = [UInt8](repeating: 0, count: max(1, min(1 << 18, segment.byteCount)))
  }

  private func corrupt(_ found: Evidence, expected: Evidence) -> IngotError {
    var place = location
    place.offset = segment.offset + consumed
    return .malformed(StreamRule.deflate.rule, at: place, found: found, expected: expected)
  }

  /// Fills a buffer with the next decoded bytes.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(IngotError) {
    guard let end = position.checkedAdd(buffer.count), end <= decodedByteCount else {
      throw corrupt("\(decodedByteCount, "decoded byte") declared", expected: "more")
    }
    var done = 0
    while done < buffer.count {
      if inputStart == inputEnd { try refill() }
      let written = try decode(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
      if written == 0, inflater.isFinished {
        throw corrupt(
          "the end of the stream after \(position + done, "byte")", expected: "\(decodedByteCount, "byte")")
      }
      done += written
    }
    position += done
    check?.update(UnsafeRawBufferPointer(buffer))
  }

  private func decode(into output: UnsafeMutableRawBufferPointer) throws(IngotError) -> Int {
    var failure: Inflater.Failure?
    var used = 0
    var written = 0
    input.withUnsafeBytes { raw in
      do throws(Inflater.Failure) {
        (used, written) = try inflater.decode(
          UnsafeRawBufferPointer(rebasing: raw[inputStart..<inputEnd]), into: output)
      } catch {
        failure = error
      }
    }
    switch failure {
    case .corrupt?: throw corrupt("bytes that are not a deflate stream", expected: "a deflate stream")
    case .truncated?: throw corrupt("a stream cut off", expected: "its end mark")
    case nil: break
    }
    inputStart += used
    consumed += used
    return written
  }

  private func refill() throws(IngotError) {
    let count = min(input.count, segment.byteCount - consumed)
    inputStart = 0
    inputEnd = count
    guard count > 0 else { return }
    let source = try files[segment.file]
    let offset = segment.offset + consumed
    try input.withMutableBytes { (raw) throws(IngotError) in
      try source.read(into: UnsafeMutableRawBufferPointer(rebasing: raw[..<count]), at: offset)
    }
  }

  /// Decodes and drops bytes up to a position.
  func skip(to target: Int) throws(IngotError) {
    guard target > position else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { buffer.deallocate() }
    while position < target {
      try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, target - position)]))
    }
  }

  /// Throws unless the stream ends here, with all of its input used.
  package func checkEnd() throws(IngotError) {
    var probe: [UInt8] = [0]
    try probe.withMutableBytes { (one) throws(IngotError) in
      while !inflater.isFinished {
        if inputStart == inputEnd { try refill() }
        if try decode(into: one) > 0 {
          throw corrupt("more than \(decodedByteCount, "decoded byte")", expected: "\(decodedByteCount)")
        }
      }
    }
    guard consumed == segment.byteCount else {
      throw corrupt("\(segment.byteCount - consumed, "byte") behind the stream's end", expected: "none")
    }
  }
}

/// The rules of compressed streams, on the page of the container that uses them.
package enum StreamRule: String, FormatRule {
  /// A deflate stream decodes to exactly the bytes its directory declares.
  case deflate = "ZIP-20"
}
