// SPDX-License-Identifier: Apache-2.0
// Carries out a write plan: the one place where tensors' bytes are written. Bytes that do not change and need no
// checksum are copied inside the kernel; all others pass once through one buffer.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// Writes the files of a plan.
struct CheckpointOutput {
  /// What is to be written.
  let plan: WritePlan
  /// What the tensors are made of.
  let contents: OutputContents
  /// The sources' open files.
  let files: SourceFiles
  /// Where scratch files go.
  let scratchFolder: String
  /// Checksums to take beside those that the plan needs.
  let extraDigests: Set<PartDigestKind>

  /// Prepares to write an output.
  init(
    _ output: PlannedOutput, files: SourceFiles, scratchFolder: String, extraDigests: Set<PartDigestKind> = []
  ) {
    plan = output.plan
    contents = output.contents
    self.files = files
    self.scratchFolder = scratchFolder
    self.extraDigests = extraDigests
  }

  /// What was written.
  struct Result {
    /// Every part, in the order of the plan; none when no checksum was asked for.
    var parts: [WrittenPart]
    /// What casting lost, by tensor.
    var castReports: [Int: CastReport]
    /// What rounding to int8 cost, by tensor.
    var quantizationErrors: [Int: QuantizationError]
    /// Bytes of all files.
    var byteCount: Int
  }

  /// Bytes of a planned file; `nil` when compression leaves that open.
  func byteCount(of file: PlannedFile) throws(IngotError) -> Int? {
    var total = 0
    for chunk in file.chunks {
      switch chunk {
      case .bytes(let bytes): total += bytes.count
      case .part(let reference, let lead): total += try lead.count + partByteCount(reference)
      case .deflatedPart: return nil
      }
    }
    return total
  }

  private func partByteCount(_ reference: PartReference) throws(IngotError) -> Int {
    let part = try contents.part(reference)
    guard let count = part.shape.byteCount(of: part.dtype) else {
      throw .internal("a part whose bytes overflow")
    }
    return count
  }

  /// Bytes that the files will have at the most, as far as that is known beforehand.
  func plannedByteCount() throws(IngotError) -> Int {
    var total = plan.tailByteCount
    for file in plan.files { total += try byteCount(of: file) ?? 0 }
    return total
  }

  /// Writes all files.
  ///
  /// - Parameters:
  ///   - progress: hears of every byte.
  ///   - open: gives the target of each file.
  /// - Returns: what was written.
  /// - Throws: the sources' errors and those of the targets.
  func write(
    progress: (any ProgressObserver)?, open: (PlannedFile) throws(IngotError) -> any OutputTarget
  ) throws(IngotError) -> Result {
    progress?.begin("writing", byteCount: try plannedByteCount())
    defer { progress?.end() }
    let pass = OutputPass(self, progress: progress)
    var targets: [any OutputTarget] = []
    for (index, file) in plan.files.enumerated() {
      let target = try open(file)
      if let output = target as? OutputFile, let count = try byteCount(of: file) {
        try output.reserve(byteCount: count)
      }
      targets.append(target)
      try pass.write(file, at: index, to: target)
    }
    for patch in try plan.finish(pass.written) {
      guard targets.indices.contains(patch.file) else {
        throw .internal("a patch for a file that there is not")
      }
      try targets[patch.file].write(patch.bytes, at: patch.offset)
      pass.noteEnd(of: patch.file, at: patch.offset + patch.bytes.count)
    }
    try files.checkUnchanged()
    return Result(
      parts: pass.written, castReports: pass.castReports,
      quantizationErrors: pass.quantizationErrors, byteCount: pass.fileEnds.reduce(0, +))
  }
}

/// The state of one pass over a plan.
private final class OutputPass {
  private let output: CheckpointOutput
  private let progress: (any ProgressObserver)?
  private let engine = TileEngine()
  private let digests: Set<PartDigestKind>
  var written: [WrittenPart] = []
  var castReports: [Int: CastReport] = [:]
  var quantizationErrors: [Int: QuantizationError] = [:]
  var fileEnds: [Int]

  init(_ output: CheckpointOutput, progress: (any ProgressObserver)?) {
    self.output = output
    self.progress = progress
    digests = output.plan.digests.union(output.extraDigests)
    fileEnds = output.plan.files.map { _ in 0 }
  }

  func noteEnd(of file: Int, at end: Int) {
    fileEnds[file] = max(fileEnds[file], end)
  }

  func write(_ file: PlannedFile, at index: Int, to target: any OutputTarget) throws(IngotError) {
    var offset = 0
    for chunk in file.chunks {
      switch chunk {
      case .bytes(let bytes):
        try target.write(bytes, at: offset)
        progress?.advance(bytes.count)
        offset += bytes.count
      case .part(let reference, let lead):
        offset += try writePart(reference, lead: lead, file: index, at: offset, to: target, deflates: false)
      case .deflatedPart(let reference, let lead):
        offset += try writePart(reference, lead: lead, file: index, at: offset, to: target, deflates: true)
      }
    }
    noteEnd(of: index, at: offset)
  }

  /// Writes one part with its lead; returns the bytes it takes in the file.
  private func writePart(
    _ reference: PartReference, lead: [UInt8], file: Int, at offset: Int, to target: any OutputTarget,
    deflates: Bool
  ) throws(IngotError) -> Int {
    let lazy = try output.contents.part(reference)
    let source = try lazy.open(
      files: output.files, scratchFolder: output.scratchFolder, digestsSource: digests.contains(.sourceXXH3))
    var part = WrittenPart(
      reference: reference, file: file, offset: offset, storedByteCount: lead.count + source.byteCount,
      byteCount: lead.count + source.byteCount)
    let sink = PartSink(target: target, offset: offset, digests: digests, deflates: deflates)
    try sink.writeLead(lead)
    let copied = try copyInKernel(lazy, to: target, at: offset + lead.count)
    if !copied {
      try engine.forEachTile(of: source) { (tile, _) throws(IngotError) in
        try sink.write(tile)
        progress?.advance(tile.count)
      }
    }
    try sink.finish(&part, wasCopied: copied)
    part.sourceXXH3 = source.sourceDigest
    if let report = source.castReport { castReports[reference.tensor] = report }
    if let error = source.quantizationError { quantizationErrors[reference.tensor] = error }
    // Without checksums nobody asks what became of a part, and a million of them would be remembered for nothing.
    if !digests.isEmpty { written.append(part) }
    return part.storedByteCount
  }

  /// Copies a part that needs neither change nor checksum inside the kernel, as far as the file systems allow.
  private func copyInKernel(
    _ lazy: LazyPart, to target: any OutputTarget, at offset: Int
  ) throws(IngotError) -> Bool {
    guard digests.isEmpty, let range = lazy.exactRange, let file = target as? OutputFile,
      let source = try output.files[range.file] as? FileByteSource
    else { return false }
    var copied = 0
    while copied < range.byteCount {
      if Process.isInterrupted { throw .interrupted }
      let count = try file.copy(
        from: source, at: range.offset + copied, byteCount: range.byteCount - copied, to: offset + copied
      ) { (count) throws(IngotError) in
        progress?.advance(count)
        if Process.isInterrupted { throw .interrupted }
      }
      copied += count
      if copied < range.byteCount {
        try copyThroughBuffer(source, range, from: copied, to: file, at: offset)
        return true
      }
    }
    return true
  }

  /// The way on when the kernel does not copy: positioned reads and writes.
  private func copyThroughBuffer(
    _ source: FileByteSource, _ range: StorageSegment, from start: Int, to file: OutputFile, at offset: Int
  ) throws(IngotError) {
    let rest = StorageSegment(
      file: range.file, offset: range.offset + start, byteCount: range.byteCount - start)
    guard let shape = Shape([rest.byteCount]) else { throw .internal("a range without a length") }
    let part = QuantizedPart(kind: .values, dtype: .u8, shape: shape, storage: TensorStorage(rest))
    let tiles = try LazyPart.stored(name: source.path, part).open(
      files: output.files, scratchFolder: output.scratchFolder)
    try engine.forEachTile(of: tiles) { (tile, position) throws(IngotError) in
      try file.write(tile, at: offset + start + position)
      progress?.advance(tile.count)
    }
  }
}

/// Writes the bytes of one part and takes the checksums asked for.
private final class PartSink {
  private let target: any OutputTarget
  private let start: Int
  private var offset: Int
  private var crc: CRC32?
  private var xxh3: XXH3?
  private var sha256: SHA256?
  private var deflater: Deflater?
  private var buffer: UnsafeMutableRawBufferPointer

  init(target: any OutputTarget, offset: Int, digests: Set<PartDigestKind>, deflates: Bool) {
    self.target = target
    self.start = offset
    self.offset = offset
    if digests.contains(.crc32) { crc = CRC32() }
    if digests.contains(.xxh3) { xxh3 = XXH3() }
    if digests.contains(.sha256) { sha256 = SHA256() }
    if deflates { deflater = Deflater() }
    buffer = .allocate(byteCount: deflates ? 1 << 18 : 0, alignment: 64)
  }

  deinit { buffer.deallocate() }

  func writeLead(_ lead: [UInt8]) throws(IngotError) {
    var failure: IngotError?
    lead.withUnsafeBytes { bytes in
      crc?.update(bytes)
      do throws(IngotError) { try put(bytes, isLast: false) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  func write(_ tile: UnsafeRawBufferPointer) throws(IngotError) {
    crc?.update(tile)
    xxh3?.update(tile)
    sha256?.update(tile)
    try put(tile, isLast: false)
  }

  private func put(_ bytes: UnsafeRawBufferPointer, isLast: Bool) throws(IngotError) {
    guard deflater != nil else {
      try target.write(bytes, at: offset)
      offset += bytes.count
      return
    }
    try deflater?.encode(bytes, isLast: isLast, using: buffer) { (packed) throws(IngotError) in
      try target.write(packed, at: offset)
      offset += packed.count
    }
  }

  /// Ends the part and notes its checksums.
  func finish(_ part: inout WrittenPart, wasCopied: Bool) throws(IngotError) {
    if deflater != nil {
      try put(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true)
      part.storedByteCount = offset - start
    }
    if let crc { part.crc32 = crc.value }
    part.xxh3 = xxh3?.value
    part.sha256 = sha256.take()?.finish()
  }
}
