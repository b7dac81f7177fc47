// SPDX-License-Identifier: Apache-2.0
// The one engine that reads described storage: whatever the container's byte order, layout and codec, out come the
// canonical bytes (little-endian, C order), in bounded memory.
import IngotCore

/// Reads the canonical bytes of one stored part of a tensor: little-endian, C order, contiguous.
///
/// Rows (indexes of the first dimension) may be asked for in any order where the storage allows it. Storage that can
/// only be read in order, and is asked for out of order or is not in C order, is decoded once to a scratch file that
/// has no name.
package final class TensorReader {
  /// The tensor's name, for messages.
  package let name: String
  /// The part being read.
  package let part: StoredPart
  /// Canonical bytes of the whole part.
  package let byteCount: Int
  /// Rows of the first dimension; 1 for a scalar.
  ///
  /// Of storage in another order, the first dimension that is not 1.
  package let rowCount: Int
  /// Canonical bytes of one row.
  package let rowByteCount: Int

  private let files: SourceFiles
  private let scratchFolder: String
  private let strided: StridedLayout?
  private let boxes: BoxLayout?
  /// The readers of boxes that are stored each in its own way.
  private let pieces: [TensorReader]
  private var stream: DecodingStream?
  private var scratch: OutputFile?
  private var window = ReadWindow()
  /// Sees the bytes of a reader that goes from start to end.
  private var check: StoredChecksumCheck?
  /// Where reading in order began, and how far it has come.
  private var stretchStart = 0
  private var checkedByteCount = 0
  private var isVerified: Bool

  /// Prepares to read; nothing is read yet.
  ///
  /// - Parameters:
  ///   - name: the tensor's name, for messages.
  ///   - part: what to read, as a reader described it.
  ///   - files: the checkpoint's files.
  ///   - scratchFolder: where a scratch file goes, should one be needed.
  /// - Throws: ``IngotError/internal(_:)`` for a description that a reader must not give.
  package init(_ name: String, _ part: StoredPart, files: SourceFiles, scratchFolder: String)
    throws(IngotError)
  {
    guard let byteCount = part.shape.byteCount(of: part.dtype) else {
      throw .internal("a tensor whose bytes overflow")
    }
    self.name = name
    self.part = part
    self.byteCount = byteCount
    self.files = files
    self.scratchFolder = scratchFolder
    isVerified = part.storage.checksum == nil
    strided = StridedLayout(part.storage.layout, shape: part.shape)
    boxes = BoxLayout(part.storage.layout, shape: part.shape)
    var pieces: [TensorReader] = []
    if case .joined(let joined) = part.storage.layout {
      for (box, storage) in joined.map({ ($0.box, $0.storage) }) {
        let type = PartType(kind: part.kind, dtype: part.dtype, shape: box.shape)
        pieces.append(
          try TensorReader(name, StoredPart(type, storage), files: files, scratchFolder: scratchFolder))
      }
    }
    self.pieces = pieces
    // A leading dimension of 1 would make the whole tensor one row, which is read at once.
    rowCount = strided?.rowCount ?? part.shape.dimensions.first ?? 1
    rowByteCount = byteCount / max(1, rowCount)
    guard strided == nil && boxes == nil || part.dtype.byteWidth != nil else {
      throw .internal("elements narrower than a byte in another order than C's")
    }
  }

  /// Whether `read(bytesAt:into:)` may cut anywhere, though only between blocks; otherwise only between rows.
  package var cutsAnywhere: Bool { strided == nil && boxes == nil }

  /// Reads canonical bytes from a position.
  ///
  /// - Parameters:
  ///   - offset: position in the canonical bytes; a multiple of ``rowByteCount`` unless ``cutsAnywhere``.
  ///   - buffer: receives the bytes; of whole rows unless ``cutsAnywhere``.
  /// - Throws: the system's errors, and ``IngotError/malformed(_:at:found:expected:)`` when the container's own checksum
  ///   is another.
  package func read(bytesAt offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IngotError) {
    guard buffer.count > 0 else { return }
    // Boxes with storages of their own are checked as they are read.
    if pieces.isEmpty, !cutsAnywhere || offset != checkedByteCount { try verifyStoredChecksum() }
    guard let end = offset.checkedAdd(buffer.count), offset >= 0, end <= byteCount else {
      throw .internal("a read past the end of a tensor")
    }
    if let strided {
      try gather(strided, rows: (offset / rowByteCount)..<(end / rowByteCount), into: buffer)
    } else if let boxes {
      try gather(boxes, rows: (offset / rowByteCount)..<(end / rowByteCount), into: buffer)
    } else {
      try readStored(at: offset, into: buffer)
      try checkInPassing(UnsafeRawBufferPointer(buffer))
    }
    if part.storage.byteOrder == .big {
      if let blockType = part.blockType {
        try turnBytes(of: buffer, in: blockType)
      } else {
        turnBytes(of: buffer, width: part.dtype.swapWidth)
      }
    }
    turnSigns(of: buffer, dtype: part.dtype, part.storage.sign)
  }

  /// Tells that reading in order begins here, because other readers read what comes before.
  package func beginStretch(at offset: Int) {
    stretchStart = offset
    checkedByteCount = offset
  }

  /// Takes over what the reader of the stretch behind this one's has seen of the checksum.
  ///
  /// - Throws: ``IngotError/malformed(_:at:found:expected:)`` when all has been seen, and the checksum is another.
  package func merge(_ next: TensorReader) throws(IngotError) {
    guard !isVerified, let check, let following = next.check, checkedByteCount == next.stretchStart else {
      return
    }
    check.append(following)
    checkedByteCount = next.checkedByteCount
    guard checkedByteCount == byteCount else { return }
    try check.finish()
    isVerified = true
  }

  /// Checks the container's own checksum of these bytes in a pass of its own; without one, does nothing.
  ///
  /// Reading a part from its start to its end in order checks it on the way; this is for all other uses.
  package func verifyStoredChecksum() throws(IngotError) {
    for segment in part.storage.segments.all { try files.verifySeal(of: segment.file) }
    for piece in pieces { try piece.verifyStoredChecksum() }
    guard let expected = part.storage.checksum, !isVerified else { return }
    // Views share storages: each of these is checked once, however many tensors there are.
    let shared = strided == nil ? nil : part.storage.segments.all.first
    if let shared, files.isVerified(shared) { return isVerified = true }
    let check = StoredChecksumCheck(expected, of: part.storage, location: location)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    if case .deflate(_, let decodedByteCount) = part.storage.codec {
      let stream = DecodingStream(
        segment: try segment(), files: files, decodedByteCount: decodedByteCount, location, check: check)
      try stream.skip(to: decodedByteCount)
      try stream.checkEnd()
    } else {
      try forEachStoredPiece(prefix: check.prefix, using: buffer) { check.update($0) }
    }
    try check.finish()
    isVerified = true
    if let shared { files.noteVerified(shared) }
  }

  /// Feeds bytes that were read in order to the check of the container's checksum.
  private func checkInPassing(_ bytes: UnsafeRawBufferPointer) throws(IngotError) {
    guard !isVerified, let expected = part.storage.checksum else { return }
    checkedByteCount += bytes.count
    if part.storage.codec == .raw {
      if check == nil {
        check = StoredChecksumCheck(expected, of: part.storage, location: location)
        if stretchStart == 0 { try feedPrefix() }
      }
      check?.update(bytes)
    }
    guard stretchStart == 0, checkedByteCount == byteCount else { return }
    try stream?.checkEnd()
    try check?.finish()
    isVerified = true
  }

  /// Feeds the bytes that stand before the tensor's and belong to its checksum.
  private func feedPrefix() throws(IngotError) {
    guard let check, check.prefix > 0, let first = part.storage.segments.all.first else { return }
    guard let start = first.offset.checkedSubtract(check.prefix), start >= 0 else {
      throw .internal("a checksum that starts before its file")
    }
    let bytes = try files[first.file].bytes(at: start, count: check.prefix)
    bytes.withUnsafeBytes { check.update($0) }
  }

  private var location: Location {
    Location(fileName, tensor: name)
  }

  private var fileName: String {
    guard let first = part.storage.segments.all.first, let source = try? files[first.file] else { return "" }
    return source.path
  }

  private func segment() throws(IngotError) -> StorageSegment {
    guard case .one(let segment) = part.storage.segments else {
      throw .internal("a compressed tensor in several segments")
    }
    return segment
  }

  /// Reads bytes in the order in which they are stored, decoded.
  private func readStored(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IngotError) {
    if let scratch { return try scratch.read(into: buffer, at: offset) }
    guard case .deflate(let skip, let decodedByteCount) = part.storage.codec else {
      return try readSegments(at: offset, into: buffer)
    }
    if stream == nil, strided == nil {
      if let expected = part.storage.checksum, !isVerified {
        check = StoredChecksumCheck(expected, of: part.storage, location: location)
      }
      stream = DecodingStream(
        segment: try segment(), files: files, decodedByteCount: decodedByteCount, location, check: check)
    }
    guard let stream, stream.position <= skip + offset else {
      try spill(skip: skip, decodedByteCount: decodedByteCount)
      return try readStored(at: offset, into: buffer)
    }
    try stream.skip(to: skip + offset)
    try stream.read(into: buffer)
  }

  /// Reads raw segments as if they were consecutive.
  private func readSegments(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IngotError) {
    var start = offset
    var done = 0
    for segment in part.storage.segments.all where done < buffer.count {
      guard start < segment.byteCount else {
        start -= segment.byteCount
        continue
      }
      let count = min(segment.byteCount - start, buffer.count - done)
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
      try files[segment.file].read(into: piece, at: segment.offset + start)
      done += count
      start = 0
    }
    guard done == buffer.count else { throw .internal("segments shorter than their tensor") }
  }

  /// Decodes the whole part to a scratch file.
  private func spill(skip: Int, decodedByteCount: Int) throws(IngotError) {
    let byteCount = storedByteCount
    let file = try OutputFile.scratch(in: scratchFolder, byteCount: byteCount)
    let stream = DecodingStream(
      segment: try segment(), files: files, decodedByteCount: decodedByteCount, location)
    try stream.skip(to: skip)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var offset = 0
    while offset < byteCount {
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, byteCount - offset)])
      try stream.read(into: piece)
      try file.write(UnsafeRawBufferPointer(piece), at: offset)
      offset += piece.count
    }
    self.stream = nil
    scratch = file
  }

  /// Collects rows from storage in another order.
  private func gather(
    _ layout: StridedLayout, rows: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(IngotError) {
    guard let width = part.dtype.byteWidth, let target = buffer.baseAddress else { return }
    if let near = StridedGather(layout, rows: rows, width: width), near.count * width <= Self.nearByteCount {
      return try gather(near, width: width, into: target)
    }
    if let half = halves(of: rows, layout, width: width) {
      let split = (half - rows.lowerBound) * (buffer.count / rows.count)
      try gather(
        layout, rows: rows.lowerBound..<half, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<split]))
      return try gather(
        layout, rows: half..<rows.upperBound, into: UnsafeMutableRawBufferPointer(rebasing: buffer[split...]))
    }
    let runByteCount = layout.runCount(rows: rows) * width
    let distance = layout.runDistance(rows: rows) * width
    // Short runs that stand close together are read many at a time; long or distant ones each by itself.
    let usesWindow = runByteCount < ReadWindow.byteCount / 16 && distance < ReadWindow.byteCount / 4
    let run = UnsafeMutableRawBufferPointer.allocate(byteCount: max(runByteCount, 1), alignment: 16)
    defer { run.deallocate() }
    window.invalidate()
    let total = storedByteCount
    try layout.forEachRun(rows: rows) { (next) throws(IngotError) in
      let bytes = UnsafeMutableRawBufferPointer(rebasing: run[..<(next.count * width)])
      if usesWindow {
        try window.read(into: bytes, at: next.source * width, end: total) {
          (piece, offset) throws(IngotError) in
          try readStored(at: offset, into: piece)
        }
      } else {
        try readStored(at: next.source * width, into: bytes)
      }
      scatter(bytes, width: width, to: target + next.target * width, stride: next.targetStride * width)
    }
  }

  /// Bytes of storage that are read at once where they hold all elements of some rows.
  private static let nearByteCount = 1 << 20

  /// Collects rows whose elements stand close together.
  private func gather(
    _ near: StridedGather, width: Int, into target: UnsafeMutableRawPointer
  ) throws(IngotError) {
    let stretch = UnsafeMutableRawBufferPointer.allocate(byteCount: max(near.count * width, 1), alignment: 64)
    defer { stretch.deallocate() }
    try readStored(
      at: near.start * width, into: UnsafeMutableRawBufferPointer(rebasing: stretch[..<(near.count * width)]))
    guard let source = stretch.baseAddress else { return }
    near.run(from: source, into: target)
  }

  /// Where to cut rows in two; `nil` where a half is spread over as much of the storage as both.
  private func halves(of rows: Range<Int>, _ layout: StridedLayout, width: Int) -> Int? {
    guard rows.count > 1, let all = StridedGather(layout, rows: rows, width: width) else { return nil }
    let middle = rows.lowerBound + rows.count / 2
    guard let half = StridedGather(layout, rows: rows.lowerBound..<middle, width: width),
      half.count < all.count / 4 * 3, all.count / 64 <= byteCount(of: rows) / width
    else { return nil }
    return middle
  }

  private func byteCount(of rows: Range<Int>) -> Int { rows.count * rowByteCount }

  /// Collects rows from boxes: the rows of a box are consecutive.
  private func gather(
    _ layout: BoxLayout, rows: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(IngotError) {
    let segments = part.storage.segments.all
    guard let width = part.dtype.byteWidth, let target = buffer.baseAddress else { return }
    for piece in layout.pieces(rows: rows) where piece.count > 0 {
      guard pieces.isEmpty ? segments.indices.contains(piece.box) : pieces.indices.contains(piece.box) else {
        throw .internal("a box without its segment")
      }
      guard piece.runCount < piece.count else {
        let start = piece.target * width
        try readBox(
          piece.box, at: piece.source * width,
          into: UnsafeMutableRawBufferPointer(rebasing: buffer[start..<(start + piece.count * width)]))
        continue
      }
      let stored = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count * width, alignment: 64)
      defer { stored.deallocate() }
      try readBox(piece.box, at: piece.source * width, into: stored)
      guard let source = stored.baseAddress else { continue }
      piece.forEachRun { (from, to) in
        (target + to * width).copyMemory(from: source + from * width, byteCount: piece.runCount * width)
      }
    }
  }

  /// Reads consecutive elements of a box.
  private func readBox(
    _ box: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(IngotError) {
    guard pieces.isEmpty else { return try pieces[box].read(bytesAt: offset, into: buffer) }
    let segment = part.storage.segments.all[box]
    try files[segment.file].read(into: buffer, at: segment.offset + offset)
  }

  /// Bytes of the storage, decoded; for views it may be more or fewer than the tensor's own.
  private var storedByteCount: Int {
    if case .deflate(let skip, let decodedByteCount) = part.storage.codec { return decodedByteCount - skip }
    return part.storage.segments.all.reduce(0) { $0 + $1.byteCount }
  }

  /// Walks the raw stored bytes in order, with some that stand before them.
  private func forEachStoredPiece(
    prefix: Int, using buffer: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(IngotError) {
    for (index, segment) in part.storage.segments.all.enumerated() {
      let extra = index == 0 ? prefix : 0
      guard let start = segment.offset.checkedSubtract(extra), start >= 0 else {
        throw .internal("a checksum that starts before its file")
      }
      var done = 0
      while done < segment.byteCount + extra {
        let count = min(buffer.count, segment.byteCount + extra - done)
        let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        try files[segment.file].read(into: piece, at: start + done)
        body(UnsafeRawBufferPointer(piece))
        done += count
      }
    }
  }
}

/// Puts the elements of a run at equal distances.
private func scatter(
  _ run: UnsafeMutableRawBufferPointer, width: Int, to target: UnsafeMutableRawPointer, stride: Int
) {
  guard let source = run.baseAddress else { return }
  guard stride != width else { return target.copyMemory(from: source, byteCount: run.count) }
  func move<Element>(_: Element.Type) {
    for index in 0..<(run.count / width) {
      let element = source.loadUnaligned(fromByteOffset: index * width, as: Element.self)
      (target + index * stride).storeBytes(of: element, as: Element.self)
    }
  }
  switch width {
  case 1: move(UInt8.self)
  case 2: move(UInt16.self)
  case 4: move(UInt32.self)
  case 8: move(UInt64.self)
  default:
    for index in 0..<(run.count / width) {
      (target + index * stride).copyMemory(from: source + index * width, byteCount: width)
    }
  }
}

/// Turns the byte order of every unit in a buffer.
private func turnBytes(of buffer: UnsafeMutableRawBufferPointer, width: Int) {
  func turn<Unit: FixedWidthInteger>(_: Unit.Type) {
    for offset in stride(from: 0, to: buffer.count - width + 1, by: width) {
      let unit = buffer.loadUnaligned(fromByteOffset: offset, as: Unit.self)
      buffer.storeBytes(of: unit.byteSwapped, toByteOffset: offset, as: Unit.self)
    }
  }
  switch width {
  case 2: turn(UInt16.self)
  case 4: turn(UInt32.self)
  case 8: turn(UInt64.self)
  default: break
  }
}

/// Turns the signs of little-endian floating-point numbers, whose highest bit they are.
private func turnSigns(of buffer: UnsafeMutableRawBufferPointer, dtype: DType, _ change: SignChange) {
  guard change != .none else { return }
  let width = dtype.swapWidth
  // Of complex numbers the first half is real.
  let isEveryOther = change != .negated && dtype.family == .complex
  let first = change == .conjugated ? width : 0
  for start in stride(from: first, to: buffer.count, by: isEveryOther ? 2 * width : width) {
    buffer[start + width - 1] ^= 0x80
  }
}

/// Turns the byte order of the numbers in every block of a buffer of whole blocks.
private func turnBytes(
  of buffer: UnsafeMutableRawBufferPointer, in blockType: BlockType
) throws(IngotError) {
  guard let numbers = blockType.numbers, buffer.count % blockType.byteCount == 0 else {
    throw .internal("blocks of \(words: blockType.rawValue) that can't be turned")
  }
  for start in stride(from: 0, to: buffer.count, by: blockType.byteCount) {
    for field in numbers {
      let first = start + field.offset
      let bytes = first..<(first + field.count * field.width)
      turnBytes(of: UnsafeMutableRawBufferPointer(rebasing: buffer[bytes]), width: field.width)
    }
  }
}

/// A window of storage kept in memory while short runs are read from it.
private struct ReadWindow {
  /// Bytes read at a time.
  static let byteCount = 1 << 18

  private var bytes: [UInt8] = []
  private var start = 0
  private var count = 0

  mutating func invalidate() { count = 0 }

  /// Copies bytes out of the window, moving it when they are not inside.
  mutating func read(
    into target: UnsafeMutableRawBufferPointer, at offset: Int, end: Int,
    fill: (UnsafeMutableRawBufferPointer, Int) throws(IngotError) -> Void
  ) throws(IngotError) {
    if offset < start || offset + target.count > start + count {
      if bytes.isEmpty { bytes = [UInt8](repeating: 0, count: Self.byteCount) }
      start = offset
      count = min(Self.byteCount, end - offset)
      guard count >= target.count else { throw .internal("a run past the end of its storage") }
      try bytes.withMutableBytes { [count] (raw) throws(IngotError) in
        try fill(UnsafeMutableRawBufferPointer(rebasing: raw[..<count]), offset)
      }
    }
    let from = offset - start
    bytes.withUnsafeBytes { raw in
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: raw[from..<(from + target.count)]))
    }
  }
}
