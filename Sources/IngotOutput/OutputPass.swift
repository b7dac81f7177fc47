// SPDX-License-Identifier: Apache-2.0
// How a plan is carried out. Parts of files whose layout is known are written by position from many threads: bytes that
// do not change and need no checksum are copied inside the kernel, all others are read, changed, checksummed and written
// tile by tile. Streams and compressed members, where each part begins where the last one ended, are written in order.
import IngotBytes
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// The state of one pass over a plan.
final class OutputPass {
  private let output: PlanWriter
  private let progress: ProgressRelay
  /// Checksums that the output asks for.
  private let digests: Set<PartDigestKind>
  /// Those that are taken: a journal's parts have at least one, by which the next run sees that they are whole.
  private let taken: Set<PartDigestKind>
  private let engine = TileEngine()
  private var places: [PartPlace] = []
  private let records: WriteRecords
  /// Where the files end so far.
  private(set) var fileEnds: [Int]

  private let journal: OutputJournal?
  /// Parts that an earlier run had written.
  private(set) var resumedPartCount = 0

  init(_ output: PlanWriter, progress: (any ProgressObserver)?, journal: OutputJournal?) {
    self.output = output
    self.journal = journal
    self.progress = ProgressRelay(progress)
    digests = output.plan.digests.union(output.extraDigests)
    taken = journal != nil && digests.isSubset(of: [.sourceXXH3]) ? digests.union([.crc32]) : digests
    records = WriteRecords(keeping: digests)
    fileEnds = output.plan.files.map { _ in 0 }
  }

  /// What was written, in the order of the plan; nothing when there are no checksums.
  var written: WrittenParts { records.written }
  /// What casting lost, by tensor.
  var castReports: [Int: CastReport] { records.castReports }
  /// What rounding to int8 cost, by tensor.
  var quantizationErrors: [Int: QuantizationError] { records.quantizationErrors }
  /// The outlying channels of matrices that were rounded to int8, by tensor.
  var outliers: [Int: MatrixOutliers] { records.outliers }

  /// Says that all is written, the ends of files too.
  func complete(_ byteCount: Int) { progress.complete(byteCount) }

  func noteEnd(of file: Int, at end: Int) {
    fileEnds[file] = max(fileEnds[file], end)
  }

  /// Writes everything but what depends on what was written.
  func write(to targets: [any OutputTarget]) throws(IngotError) {
    for (index, file) in output.plan.files.enumerated() {
      let byteCount = try output.byteCount(of: file)
      let isPlaced = byteCount != nil && targets[index] is OutputFile
      var offset = 0
      for (position, chunk) in file.chunks.enumerated() {
        switch chunk {
        case .bytes(let bytes):
          if !bytes.isEmpty { try targets[index].write(bytes, at: offset) }
          progress.advance(bytes.count)
          offset += bytes.count
        case .part(let reference, let lead), .deflatedPart(let reference, let lead):
          let place = try PartPlace(
            reference, file: index, chunk: position, offset: offset, leadByteCount: lead.count)
          offset += try isPlaced ? self.place(place) : writeInOrder(place, to: targets[index])
        }
      }
      noteEnd(of: index, at: offset)
    }
    try writePlaced(to: targets)
  }

  /// The bytes before a part, made again, and whether it is compressed with them.
  private func lead(of place: PartPlace) throws(IngotError) -> (bytes: [UInt8], deflates: Bool) {
    switch output.plan.files[place.file].chunks[place.chunk] {
    case .part(_, let lead): (lead, false)
    case .deflatedPart(_, let lead): (lead, true)
    case .bytes: throw .internal("a part that is none")
    }
  }

  private func record(of place: PartPlace) throws(IngotError) -> WrittenPart {
    WrittenPart(
      reference: place.reference, file: place.file, offset: place.offset,
      storedByteCount: try place.leadByteCount + output.partByteCount(place.reference))
  }

  /// Remembers a part for the threads; returns the bytes it takes.
  private func place(_ place: PartPlace) throws(IngotError) -> Int {
    var place = place
    let part = try record(of: place)
    // Without checksums nobody asks what became of a part, and a million of them would be remembered for nothing.
    if !digests.isEmpty { place.record = records.add(part) }
    places.append(place)
    return part.storedByteCount
  }

  // MARK: - By position

  private func writePlaced(to targets: [any OutputTarget]) throws(IngotError) {
    // Those that are left to be streamed are moved to the front: there may be millions.
    var streamedCount = 0
    let finished = try finishedParts(in: targets)
    for index in places.indices {
      let place = places[index]
      if let part = finished[index] {
        try take(part, at: place)
      } else if try copyInKernel(place, to: targets[place.file]) {
        let part = try record(of: place)
        var finished = JournalLine(part, chunk: place.chunk, castReport: nil)
        finished.isCopied = true
        try journal?.note(finished.line, byteCount: part.storedByteCount)
      } else {
        places[streamedCount] = place
        streamedCount += 1
      }
    }
    places.removeLast(places.count - streamedCount)
    let streamed = places
    places = []
    var pass = PartPass(
      crew: WorkCrew(jobs: output.work.jobs), files: output.files, scratchFolder: output.work.scratchFolder)
    pass.readsWholeParts = !taken.isSubset(of: PartDigests.divisible)
    pass.digestsSource = digests.contains(.sourceXXH3)
    try pass.run(count: streamed.count) { (index) throws(IngotError) in
      try output.contents.part(streamed[index].reference)
    } read: { (index, reading) throws(IngotError) in
      let place = streamed[index]
      return try write(reading, at: place, to: targets[place.file])
    } finish: { (index, stretches, source) throws(IngotError) in
      try finish(streamed[index], stretches, source)
    }
  }

  /// The parts that an earlier run had written and that are still as it wrote them, by their places.
  private func finishedParts(in targets: [any OutputTarget]) throws(IngotError) -> [Int: JournalLine] {
    let parts = (journal?.finished ?? []).compactMap { JournalLine(line: $0) }
    guard !parts.isEmpty else { return [:] }
    let noted = Dictionary(parts.map { ($0.place, $0) }) { $1 }
    let claims = places.indices.compactMap { index in
      noted[JournalLine.Place(file: places[index].file, chunk: places[index].chunk)].map { (index, $0) }
    }
    let intact = IndexedResults(count: claims.count, initial: false)
    try WorkCrew(jobs: output.work.jobs).run(taskCount: claims.count) { (_, number) throws(IngotError) in
      let (index, part) = claims[number]
      let place = places[index]
      guard let file = targets[place.file] as? OutputFile else { return }
      var original: (source: any ByteSource, offset: Int)?
      if part.isCopied, let range = try output.contents.part(place.reference).exactRange {
        original = (try output.files[range.file], range.offset)
      }
      intact[number] = try part.isIntact(
        in: file, at: place.offset, lead: lead(of: place).bytes,
        byteCount: output.partByteCount(place.reference), kinds: taken, original: original)
    }
    let holds = intact.values
    return Dictionary(uniqueKeysWithValues: claims.indices.filter { holds[$0] }.map { claims[$0] })
  }

  /// Takes a part as an earlier run has written it.
  private func take(_ finished: JournalLine, at place: PartPlace) throws(IngotError) {
    var part = try record(of: place)
    part.checksums = finished.checksums
    records.take(part, castReport: finished.castReport, at: digests.isEmpty ? nil : place.record)
    progress.advance(part.storedByteCount)
    resumedPartCount += 1
  }

  /// Writes a part, or a stretch of one.
  private func write(
    _ reading: PartPass.Reading, at place: PartPlace, to target: any OutputTarget
  ) throws(IngotError) -> PartDigests {
    let taken = PartDigests(taken)
    if reading.range.lowerBound == 0, place.leadByteCount > 0 {
      let lead = try lead(of: place).bytes
      taken.updateLead(lead)
      try target.write(lead, at: place.offset)
    }
    let start = place.offset + place.leadByteCount
    try reading.forEachTile { (tile, offset) throws(IngotError) in
      taken.update(tile)
      try target.write(tile, at: start + offset)
      progress.advance(tile.count)
    }
    return taken
  }

  private func finish(
    _ place: PartPlace, _ stretches: [PartDigests], _ source: any TileSource
  ) throws(IngotError) {
    var part = try record(of: place)
    if let first = stretches.first {
      for next in stretches.dropFirst() { first.append(next) }
      part.checksums = first.finish()
    }
    records.finish(part, source, at: digests.isEmpty ? nil : place.record)
    part.checksums.sourceXXH3 = source.sourceDigest
    try journal?.note(
      JournalLine(part, chunk: place.chunk, castReport: source.castReport).line,
      byteCount: part.storedByteCount)
  }

  // MARK: - In the kernel

  /// Copies a part that needs neither change nor checksum inside the kernel, as far as the file systems allow.
  private func copyInKernel(_ place: PartPlace, to target: any OutputTarget) throws(IngotError) -> Bool {
    guard digests.isEmpty, let range = try output.contents.part(place.reference).exactRange,
      let file = target as? OutputFile, let source = try output.files[range.file] as? FileByteSource
    else { return false }
    if place.leadByteCount > 0 { try file.write(lead(of: place).bytes, at: place.offset) }
    let offset = place.offset + place.leadByteCount
    if Process.isInterrupted { throw .interrupted }
    let copied = try file.copy(
      from: source, at: range.offset, byteCount: range.byteCount, to: offset
    ) { (count) throws(IngotError) in
      progress.advance(count)
      if Process.isInterrupted { throw .interrupted }
    }
    if copied < range.byteCount {
      try copyThroughBuffer(source, range, from: copied, to: file, at: offset)
    }
    return true
  }

  /// The way on when the kernel does not copy: positioned reads and writes.
  private func copyThroughBuffer(
    _ source: FileByteSource, _ range: StorageSegment, from start: Int, to file: OutputFile, at offset: Int
  ) throws(IngotError) {
    let rest = StorageSegment(
      file: range.file, offset: range.offset + start, byteCount: range.byteCount - start)
    let part = try StoredPart(bytes: rest.byteCount, TensorStorage(rest))
    let tiles = try LazyPart.stored(name: source.path, part).open(
      files: output.files, scratchFolder: output.work.scratchFolder)
    try engine.forEachTile(of: tiles) { (tile, position) throws(IngotError) in
      try file.write(tile, at: offset + start + position)
      progress.advance(tile.count)
    }
  }

  // MARK: - In order

  /// Writes one part with its lead where the last one ended; returns the bytes it takes in the file.
  private func writeInOrder(_ place: PartPlace, to target: any OutputTarget) throws(IngotError) -> Int {
    let (lead, deflates) = try lead(of: place)
    let source = try output.contents.part(place.reference).open(
      files: output.files, scratchFolder: output.work.scratchFolder,
      digestsSource: digests.contains(.sourceXXH3))
    var part = try record(of: place)
    let taken = PartDigests(digests)
    let sink = PartSink(target: target, offset: place.offset, deflates: deflates)
    taken.updateLead(lead)
    try sink.write(lead)
    try engine.forEachTile(of: source) { (tile, _) throws(IngotError) in
      taken.update(tile)
      try sink.write(tile, isLast: false)
      progress.advance(tile.count)
    }
    part.storedByteCount = try sink.finish()
    part.checksums = taken.finish()
    records.finish(part, source, at: digests.isEmpty ? nil : records.add(part))
    return part.storedByteCount
  }
}

/// Where a part goes, in few bytes: there may be millions.
private struct PartPlace {
  /// Which part it is.
  let reference: PartReference
  private let narrowFile: UInt32
  private let narrowChunk: UInt32
  /// Where it starts in the file, its lead included.
  let offset: Int
  private let narrowLeadByteCount: UInt32
  private var narrowRecord: UInt32 = 0

  /// Index of its file in the plan.
  var file: Int { Int(narrowFile) }
  /// Index of its chunk in the file.
  var chunk: Int { Int(narrowChunk) }
  /// Bytes that stand before it.
  var leadByteCount: Int { Int(narrowLeadByteCount) }
  /// Its place among the records of what was written, when any are kept.
  var record: Int {
    get { Int(narrowRecord) }
    set { narrowRecord = UInt32(clamping: newValue) }
  }

  init(
    _ reference: PartReference, file: Int, chunk: Int, offset: Int, leadByteCount: Int
  ) throws(IngotError) {
    guard let narrowFile = UInt32(exactly: file), let narrowChunk = UInt32(exactly: chunk),
      let narrowLeadByteCount = UInt32(exactly: leadByteCount)
    else { throw .internal("a plan of more than 2^32 pieces") }
    self.reference = reference
    self.offset = offset
    (self.narrowFile, self.narrowChunk) = (narrowFile, narrowChunk)
    self.narrowLeadByteCount = narrowLeadByteCount
  }
}
