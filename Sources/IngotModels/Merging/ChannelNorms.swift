// SPDX-License-Identifier: Apache-2.0
// The size of each channel of matrices that are still to be made: one pass over all of them, on many threads, whose sums
// have the same order for any number of these.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTransforms

/// Which values of a matrix are a channel.
enum ChannelAxis: Hashable {
  case rows, columns
}

/// Sums of squares by channel.
enum ChannelNorms {
  /// Part of a matrix's sums.
  private struct Sums {
    /// The channel of the first.
    let start: Int
    var squares: [Double]
  }

  /// The Euclidean norm of each channel.
  ///
  /// - Parameters:
  ///   - matrices: F64 values.
  ///   - files: the files that they are made of.
  ///   - work: how the work is done.
  ///   - progress: hears of every byte.
  /// - Returns: for each matrix the norms of its channels.
  /// - Throws: the sources' errors, and values that are not finite.
  static func measure(
    _ matrices: [(part: LazyPart, axis: ChannelAxis)], files: SourceFiles, work: WorkOptions,
    progress: (any ProgressObserver)?
  ) throws(IngotError) -> [[Double]] {
    let byteCount = matrices.reduce(0) { $0 + ($1.part.shape.byteCount(of: .f64) ?? 0) }
    progress?.begin("measuring", byteCount: byteCount)
    defer { progress?.end() }
    let results = IndexedResults(count: matrices.count, initial: [Double]())
    let pass = PartPass(crew: WorkCrew(jobs: work.jobs), files: files, scratchFolder: work.scratchFolder)
    try pass.run(count: matrices.count) { (index) throws(IngotError) in
      matrices[index].part
    } read: { (index, reading) throws(IngotError) in
      let (part, axis) = matrices[index]
      var sums = start(of: reading.range, axis: axis, columnCount: part.shape.dimensions[1])
      try reading.forEachRun { (run, offset) throws(IngotError) in
        try add(run, at: offset, to: &sums, axis: axis, columnCount: part.shape.dimensions[1])
        progress?.advance(run.bytes.count)
      }
      return sums
    } finish: { (index, stretches, _) throws(IngotError) in
      let (part, axis) = matrices[index]
      var squares = [Double](repeating: 0, count: part.shape.dimensions[axis == .rows ? 0 : 1])
      for sums in stretches {
        for (offset, square) in sums.squares.enumerated() { squares[sums.start + offset] += square }
      }
      results[index] = squares.map { $0.squareRoot() }
    }
    return results.values
  }

  /// Sums of nothing, for a stretch of a matrix.
  private static func start(of range: Range<Int>, axis: ChannelAxis, columnCount: Int) -> Sums {
    let rowByteCount = max(1, columnCount * MemoryLayout<Double>.size)
    guard axis == .rows else { return Sums(start: 0, squares: Array(repeating: 0, count: columnCount)) }
    let rows = (range.lowerBound / rowByteCount)..<range.upperBound.dividedUp(by: rowByteCount)
    return Sums(start: rows.lowerBound, squares: Array(repeating: 0, count: rows.count))
  }

  private static func add(
    _ run: Elements, at offset: Int, to sums: inout Sums, axis: ChannelAxis, columnCount: Int
  ) throws(IngotError) {
    let first = offset / MemoryLayout<Double>.size
    for (index, value) in try run.doubles().enumerated() {
      let place = first + index
      sums.squares[axis == .rows ? place / columnCount - sums.start : place % columnCount] += value * value
    }
  }
}
