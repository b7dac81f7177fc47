// SPDX-License-Identifier: Apache-2.0
// Parts that are read by several threads against the same parts read by one source.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTestSupport
import IngotTransforms
import Synchronization
import Testing

@Suite(.serialized) struct PartPassTests {
  /// Layouts and casts of a stored matrix.
  enum Arrangement: CaseIterable {
    case asItIs, transposed, cast, castTransposed, rows, transposedRows, joined, quantized, scaled,
      scaledTransposed, paired, updated, updatedTurned, summed, runs, scalesOfRuns, runsOfColumns,
      runsOfTransposed

    func part(_ stored: LazyPart) -> LazyPart {
      switch self {
      case .asItIs: stored
      case .transposed: .transposed(stored)
      case .cast: .cast(stored, to: .f16, onOverflow: .saturate)
      case .castTransposed: .cast(.transposed(stored), to: .bf16, onOverflow: .saturate)
      case .rows: .rows(stored, 11..<(stored.shape.dimensions[0] - 3))
      case .transposedRows: .transposed(.rows(stored, 11..<(stored.shape.dimensions[0] - 3)))
      case .joined:
        .cast(
          .joined([.transposed(stored), .transposed(stored)], PartPassTests.stack(stored.shape)), to: .f16,
          onOverflow: .saturate)
      case .paired:
        .cast(.paired(.rows(stored, 0..<1300), headRowCount: 26, .apart), to: .f16, onOverflow: .saturate)
      case .updated: PartPassTests.updated(stored, isTurned: false)
      case .updatedTurned: PartPassTests.updated(stored, isTurned: true)
      case .summed:
        .cast(
          .summed(
            WeightedSum(
              [.init(stored, times: 0.3), .init(.transposed(.transposed(stored)), times: -2)], from: stored,
              path: "m")), to: .f16, onOverflow: .saturate)
      case .quantized: .quantized(stored, scales: [0.01], axis: nil)
      // Both lengths are primes: runs as long as one go across the rows of the other.
      case .runs: .runs(stored, RunRule(size: 1301), .integers)
      case .scalesOfRuns: .runs(stored, RunRule(size: 1301), .scales)
      case .runsOfColumns:
        .runs(
          .rows(stored, 0..<1280),
          RunRule(size: 64, columnCount: stored.shape.dimensions[1], scaleType: .bf16, isFitted: true),
          .integers)
      case .runsOfTransposed: .runs(.transposed(.rows(stored, 0..<1280)), RunRule(size: 64), .integers)
      case .scaled: PartPassTests.scaled(stored)
      case .scaledTransposed:
        .cast(.transposed(PartPassTests.scaled(stored)), to: .f16, onOverflow: .saturate)
      }
    }
  }

  /// A matrix with a product of rank 5 added, each row times a factor or each column.
  fileprivate static func updated(_ stored: LazyPart, isTurned: Bool) -> LazyPart {
    let (rows, columns) = (stored.shape.dimensions[0], stored.shape.dimensions[1])
    func factor(_ count: Int, ranksFirst: Bool) -> LowRankUpdate.Factor {
      let bytes = (0..<(5 * count)).flatMap { index in
        withUnsafeBytes(of: Float(index % 11) / 4 - 1) { Array($0) }
      }
      return LowRankUpdate.Factor(
        .literal(.f32, ranksFirst ? [5, count] : [count, 5], bytes), isTurned: isTurned)
    }
    var update = LowRankUpdate(
      left: factor(rows, ranksFirst: isTurned), right: factor(columns, ranksFirst: !isTurned), scale: 0.7,
      path: "m")
    let factors = (0..<(isTurned ? columns : rows)).map { 1 + Double($0 % 3) }
    update.factors = isTurned ? .columns(factors) : .rows(factors)
    return .cast(
      .updated(stored.casting(to: .f64, onOverflow: .refuse), update), to: .f16, onOverflow: .saturate)
  }

  /// Values times a scale a block, whose scales are powers of two.
  fileprivate static func scaled(_ stored: LazyPart) -> LazyPart {
    let scheme = Quantization(granularity: .perBlock([100, 64]))
    guard let shape = scheme.scaleShape(of: stored.shape) else { return stored }
    let bytes = (0..<shape.elementCount).flatMap { index in
      withUnsafeBytes(of: Float(1 << (index % 7))) { Array($0) }
    }
    return .scaled([(.values, stored), (.scales, .literal(.f32, shape, bytes))], scheme) ?? stored
  }

  /// The shape of two transposed matrices, one behind the other.
  fileprivate static func stack(_ shape: Shape) -> Shape { [2, shape.dimensions[1], shape.dimensions[0]] }

  /// A matrix of small numbers of several stretches.
  private func matrix(_ kind: StorageKind) throws -> (SourceFiles, LazyPart) {
    let shape: Shape = [1301, 1777]
    var random = SeededRandom(seed: 4)
    let values = random.floats(shape.elementCount)
    let bytes = values.withUnsafeBytes { Array($0) }
    let (content, storage) = try kind.store(bytes, shape: shape, width: 4, dtype: .f32)
    let files = SourceFiles(sources: [MemoryByteSource(content, path: "memory")])
    return (
      files,
      .stored(name: "m", StoredPart(PartType(kind: .values, dtype: .f32, shape: shape), storage))
    )
  }

  /// What a pass found: every byte at its place, and what was lost.
  private func read(
    _ part: LazyPart, _ files: SourceFiles, jobs: Int
  ) throws -> (digest: String, CastReport?, QuantizationError?) {
    let byteCount = try #require(part.shape.byteCount(of: part.dtype))
    let bytes = Locked([UInt8](repeating: 0, count: byteCount))
    let losses = Locked<(CastReport?, QuantizationError?)>((nil, nil))
    try PartPass(crew: WorkCrew(jobs: jobs), files: files, scratchFolder: "/tmp")
      .run(count: 1) { (_) throws(IngotError) in
        part
      } read: { (_, reading) throws(IngotError) in
        try reading.forEachTile { (tile, offset) throws(IngotError) in
          bytes.withLock { $0.replaceSubrange(offset..<(offset + tile.count), with: tile) }
        }
        return reading.range
      } finish: { (_, ranges, source) throws(IngotError) in
        #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == byteCount)
        #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        let found = (source.castReport, source.quantizationError)
        losses.withLock { $0 = found }
      }
    var hash = SHA256()
    bytes.withLock { $0.withUnsafeBytes { hash.update($0) } }
    let found = losses.withLock { $0 }
    return (hash.finishHex(), found.0, found.1)
  }

  @Test(arguments: StorageKind.allCases, Arrangement.allCases)
  func `threads read what one source reads, and count the same losses`(
    kind: StorageKind, arrangement: Arrangement
  ) throws {
    let (files, stored) = try matrix(kind)
    let part = arrangement.part(stored)
    let source = try part.open(files: files, scratchFolder: "/tmp")
    var hash = SHA256()
    try TileEngine().forEachTile(of: source) { (tile, _) throws(IngotError) in hash.update(tile) }
    let expected = hash.finishHex()
    var first: QuantizationError?
    for jobs in [1, 3] {
      let (digest, cast, error) = try read(part, files, jobs: jobs)
      #expect(digest == expected)
      #expect(cast?.inexactCount == source.castReport?.inexactCount)
      #expect(error?.count == source.quantizationError?.count)
      #expect(first == nil || first == error, "sums are the same for any number of threads")
      first = error
    }
  }

  /// Multiples of a sixteenth, whose sums are exact in any order; tiles begin within rows, and go over several.
  @Test func `products are added where they belong, wherever in a row a tile begins`() throws {
    let answer = try PythonPeer.run(
      code: """
        import hashlib, numpy as np
        left = (np.arange(1301 * 5) % 11).reshape(1301, 5) / 4 - 1
        right = (np.arange(5 * 1777) % 13).reshape(5, 1777) / 4 - 1
        print(hashlib.sha256((1000 + 0.5 * (left @ right)).tobytes()).hexdigest())
        """
    ).standardOutput
    func quarters(_ shape: Shape, period: Int) -> LazyPart {
      let values = (0..<shape.elementCount).map { Float($0 % period) / 4 - 1 }
      return .literal(.f32, shape, values.withUnsafeBytes { Array($0) })
    }
    let update = LowRankUpdate(
      left: .init(quarters([1301, 5], period: 11), isTurned: false),
      right: .init(quarters([5, 1777], period: 13), isTurned: false), scale: 0.5, path: "m")
    let thousands = [Double](repeating: 1000, count: 1301 * 1777).withUnsafeBytes { Array($0) }
    let part = LazyPart.updated(.literal(.f64, [1301, 1777], thousands), update)
    let source = try part.open(files: SourceFiles(sources: []), scratchFolder: "/tmp")
    var hash = SHA256()
    try TileEngine().forEachTile(of: source) { (tile, _) throws(IngotError) in hash.update(tile) }
    #expect(hash.finishHex() + "\n" == answer)
  }

  @Test func `the error is that of the first task that fails`() throws {
    for jobs in [1, 2, 8] {
      let crew = WorkCrew(jobs: jobs)
      let done = Atomic(0)
      do {
        try crew.run(taskCount: 500) { (slot, task) throws(IngotError) in
          #expect(slot < crew.jobCount)
          if task % 100 == 37 { throw .internal("\(task)") }
          done.wrappingAdd(1, ordering: .relaxed)
        }
        Issue.record("tasks failed")
      } catch {
        guard case .internal(let what) = error else { throw error }
        #expect(what == "37")
      }
      #expect(done.load(ordering: .relaxed) >= 37)
    }
    #expect(WorkCrew(jobs: 10_000).jobCount <= WorkOptions.jobLimit)
    #expect(WorkCrew(jobs: 0).jobCount == 1)
  }
}
