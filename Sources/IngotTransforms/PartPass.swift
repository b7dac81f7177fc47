// SPDX-License-Identifier: Apache-2.0
// Streams many parts on many threads. Large parts are cut into stretches, which depend on the part alone, so that what
// is found out of a part is the same for any number of threads.
import IngotBytes
import IngotCore
import IngotKernels

/// A pass over parts, each read once.
package struct PartPass {
  /// Bytes of a stretch: some milliseconds of work.
  package static let stretchByteCount = 4 << 20
  /// Bytes of all tiles and buffers at the same time: what the program keeps below 64 MiB, less room for itself.
  private static let memoryByteCount = 44 << 20
  /// Parts from here on are looked at for the memory that they take.
  private static let largeByteCount = 1 << 20

  private let crew: WorkCrew
  private let files: SourceFiles
  private let scratchFolder: String
  /// Whether each part is read from its start to its end by one thread, for digests that can't be put together.
  package var readsWholeParts = false
  /// Whether sources take XXH3 of what is stored.
  package var digestsSource = false

  /// Makes a pass.
  ///
  /// - Parameters:
  ///   - crew: the threads.
  ///   - files: the sources' files.
  ///   - scratchFolder: where scratch files go.
  package init(crew: WorkCrew, files: SourceFiles, scratchFolder: String) {
    self.crew = crew
    self.files = files
    self.scratchFolder = scratchFolder
  }

  /// What one thread reads at a time: a whole part, or a stretch of it.
  package struct Reading {
    /// The bytes that are read.
    package let range: Range<Int>
    fileprivate let source: any TileSource
    fileprivate let engine: TileEngine

    /// Hands over all tiles in order, as elements of the part's type: to whom computes with them.
    package func forEachRun(
      _ body: (Elements, _ offset: Int) throws(IngotError) -> Void
    ) throws(IngotError) {
      try engine.forEachTile(of: source, in: range) { (tile, offset) throws(IngotError) in
        try body(Elements(tile, source.elementType), offset)
      }
    }

    /// Hands over the bytes of all tiles in order.
    package func forEachTile(
      _ body: (UnsafeRawBufferPointer, _ offset: Int) throws(IngotError) -> Void
    ) throws(IngotError) {
      try engine.forEachTile(of: source, in: range, body)
    }
  }

  /// Reads all parts.
  ///
  /// - Parameters:
  ///   - count: parts.
  ///   - part: gives one of them.
  ///   - read: reads all tiles of a part or of a stretch of it, and says what it found; runs on any thread.
  ///   - finish: takes what was found in a part, stretch by stretch, with its source; runs on any thread.
  /// - Throws: the error of the first part that failed, in the order in which they are begun.
  package func run<Finding>(
    count: Int, part: (Int) throws(IngotError) -> LazyPart,
    read: (_ part: Int, Reading) throws(IngotError) -> Finding,
    finish: (_ part: Int, [Finding], any TileSource) throws(IngotError) -> Void
  ) throws(IngotError) {
    var work = Work<Finding>()
    work.tasks.reserveCapacity(count)
    var needed = TileEngine.tileByteCount
    for index in 0..<count { needed = max(needed, try append(index, part(index), to: &work)) }
    let (tasks, cuts) = (work.tasks, work.cuts)
    let order = readsWholeParts ? WorkCrew.order(count: tasks.count) { tasks[$0].byteCount } : nil
    let engines = (0..<crew.jobCount).map { _ in TileEngine() }
    try crew.run(taskCount: tasks.count, limit: Self.memoryByteCount / needed) {
      (slot, number) throws(IngotError) in
      let task = tasks[order?[number] ?? number]
      let (index, stretch) = (Int(task.part), Int(task.stretch))
      let source = try part(index).open(
        files: files, scratchFolder: scratchFolder, digestsSource: digestsSource)
      guard let cut = cuts[index] else {
        let reading = Reading(range: 0..<task.byteCount, source: source, engine: engines[slot])
        let finding = try read(index, reading)
        source.endStretch()
        try source.finish()
        return try finish(index, [finding], source)
      }
      let start = stretch * cut.step
      source.beginStretch(at: start)
      let reading = Reading(range: start..<(start + task.byteCount), source: source, engine: engines[slot])
      let finding = try read(index, reading)
      source.endStretch()
      if let (whole, findings) = try cut.assembly.add(finding, source, at: stretch) {
        try whole.finish()
        try finish(index, findings, whole)
      }
    }
  }

  /// Adds what is to be read of a part; returns the memory that takes.
  private func append<Finding>(
    _ index: Int, _ part: LazyPart, to work: inout Work<Finding>
  ) throws(IngotError) -> Int {
    guard let byteCount = part.shape.byteCount(of: part.dtype), let number = UInt32(exactly: index) else {
      throw .internal("a part whose bytes overflow")
    }
    let whole = Task(part: number, stretch: 0, byteCount: byteCount)
    guard max(byteCount, part.inputByteCount) > Self.largeByteCount else {
      work.tasks.append(whole)
      return 0
    }
    let source = try part.open(files: files, scratchFolder: scratchFolder)
    let grain = source.grainByteCount
    let tile = max(grain, source.tileByteCount / grain * grain)
    let needed = min(byteCount, tile) + source.bufferByteCount
    guard !readsWholeParts, !digestsSource, part.isDivisible, byteCount > Self.stretchByteCount else {
      work.tasks.append(whole)
      return needed
    }
    // Whole tiles, so that none is cut short.
    let step = max(tile, Self.stretchByteCount / tile * tile)
    var count: UInt32 = 0
    for start in stride(from: 0, to: byteCount, by: step) {
      work.tasks.append(Task(part: number, stretch: count, byteCount: min(step, byteCount - start)))
      count += 1
    }
    work.cuts[index] = Cut(step: step, assembly: PartAssembly(count: Int(count)))
    return needed
  }
}

/// One stretch to be read, or a whole part, in few bytes: there may be millions.
private struct Task {
  let part: UInt32
  /// Which stretch it is.
  let stretch: UInt32
  let byteCount: Int
}

/// A part that is cut into stretches.
private struct Cut<Finding> {
  /// Bytes of each stretch but the last.
  let step: Int
  /// Where stretches come together.
  let assembly: PartAssembly<Finding>
}

/// What is to be read.
private struct Work<Finding> {
  var tasks: [Task] = []
  /// The parts that are cut, by number.
  var cuts: [Int: Cut<Finding>] = [:]
}

/// Puts what was found in the stretches of a part together, in their order.
///
/// SAFETY: all state is touched under the lock only.
private final class PartAssembly<Finding>: @unchecked Sendable {
  private let lock = Locked(())
  private let count: Int
  private var waiting: [Int: (Finding, any TileSource)] = [:]
  private var findings: [Finding] = []
  private var first: (any TileSource)?

  init(count: Int) { self.count = count }

  /// Adds a stretch; the last one gets all.
  func add(
    _ finding: Finding, _ source: any TileSource, at number: Int
  ) throws(IngotError) -> (any TileSource, [Finding])? {
    let isLast = try lock.withLock { (_) throws(IngotError) in
      waiting[number] = (finding, source)
      while let (finding, source) = waiting.removeValue(forKey: findings.count) {
        findings.append(finding)
        try take(source)
      }
      return findings.count == count
    }
    guard isLast, let first else { return nil }
    return (first, findings)
  }

  private func take(_ source: any TileSource) throws(IngotError) {
    guard let first else { return first = source }
    try first.mergeStretch(source)
  }
}
