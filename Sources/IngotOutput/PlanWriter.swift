// SPDX-License-Identifier: Apache-2.0
// Carries out a write plan: the one place where tensors' bytes are written. OutputPass says how.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// Writes the files of a plan.
package struct PlanWriter {
  /// What is to be written.
  package let plan: WritePlan
  /// What the tensors are made of.
  package let contents: OutputContents
  /// The sources' open files.
  package let files: SourceFiles
  /// How the work is done.
  package let work: WorkOptions
  /// Checksums to take beside those that the plan needs.
  package let extraDigests: Set<PartDigestKind>

  /// Prepares to write an output.
  package init(
    _ output: PlannedOutput, files: SourceFiles, work: WorkOptions, extraDigests: Set<PartDigestKind> = []
  ) {
    plan = output.plan
    contents = output.contents
    self.files = files
    self.work = work
    self.extraDigests = extraDigests
  }

  /// What was written.
  package struct Result {
    /// Every part, in the order of the plan; none when no checksum was asked for.
    package var parts: WrittenParts
    /// What casting lost, by tensor.
    var castReports: [Int: CastReport]
    /// What rounding to int8 cost, by tensor.
    package var quantizationErrors: [Int: QuantizationError]
    /// The outlying channels of matrices that were rounded to int8, by tensor.
    package var outliers: [Int: MatrixOutliers]
    /// Bytes of all files.
    package var byteCount: Int
    /// Parts that an earlier run had written.
    package var resumedPartCount = 0
    /// What killed runs had left, and this one has removed.
    package var leftovers = OutputLeftovers()
  }

  /// Bytes of a planned file; `nil` when compression leaves that open.
  package func byteCount(of file: PlannedFile) throws(IngotError) -> Int? {
    if let byteCount = file.chunks.byteCount { return byteCount }
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

  /// Canonical bytes of a part.
  package func partByteCount(_ reference: PartReference) throws(IngotError) -> Int {
    let part = try contents.part(reference)
    guard let count = part.shape.byteCount(of: part.dtype) else {
      throw .internal("a part whose bytes overflow")
    }
    return count
  }

  /// Bytes that the files will have at the most, as far as that is known beforehand.
  package func plannedByteCount() throws(IngotError) -> Int {
    var total = plan.tailByteCount
    for file in plan.files { total += try byteCount(of: file) ?? 0 }
    return total
  }

  /// Whether ``plannedByteCount()`` is a bound, and less may be written: what stands at the end depends on what was.
  ///
  /// - Throws: the errors of sizes beyond every limit.
  package func mayWriteLess() throws(IngotError) -> Bool {
    for file in plan.files {
      guard try byteCount(of: file) != nil else { return false }
    }
    return plan.tailByteCount > 0
  }

  /// Writes all files.
  ///
  /// - Parameters:
  ///   - progress: hears of every byte.
  ///   - journal: what an earlier run has written, and where finished parts are noted.
  ///   - open: gives the target of each file.
  /// - Returns: what was written.
  /// - Throws: the sources' errors and those of the targets.
  package func write(
    progress: (any ProgressObserver)?, journal: OutputJournal? = nil,
    open: (PlannedFile) throws(IngotError) -> any OutputTarget
  ) throws(IngotError) -> Result {
    let planned = try plannedByteCount()
    progress?.begin("writing", byteCount: planned)
    defer { progress?.end() }
    let pass = OutputPass(self, progress: progress, journal: journal)
    var targets: [any OutputTarget] = []
    for file in plan.files {
      let target = try open(file)
      if let output = target as? OutputFile, let count = try byteCount(of: file) {
        try output.reserve(byteCount: count)
      }
      targets.append(target)
    }
    try pass.write(to: targets)
    let written = pass.written
    try plan.finish(written) { (patch) throws(IngotError) in
      guard targets.indices.contains(patch.file) else {
        throw .internal("a patch for a file that there is not")
      }
      try targets[patch.file].write(patch.bytes, at: patch.offset)
      pass.noteEnd(of: patch.file, at: patch.offset + patch.bytes.count)
    }
    try files.checkUnchanged()
    pass.complete(planned)
    return Result(
      parts: written, castReports: pass.castReports,
      quantizationErrors: pass.quantizationErrors, outliers: pass.outliers,
      byteCount: pass.fileEnds.reduce(0, +), resumedPartCount: pass.resumedPartCount)
  }
}
