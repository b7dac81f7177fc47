// SPDX-License-Identifier: Apache-2.0
// Reads an output back from disk and compares it with what was meant to be written.
import IngotBytes
import IngotCore
import IngotFormats
import IngotTransforms

/// A comparison of an output, as its own reader sees it, with the checksums taken while it was written.
package struct ReadBack {
  /// The tensors' names, by index.
  private let names: [String]
  /// What was written, with XXH3 of each part.
  private let written: WrittenParts
  /// Files that hold tensors of the same names; none where a reader of the output shows what was written.
  private let parallelFiles: [ParallelFile]
  /// How the work is done.
  private let work: WorkOptions

  /// Prepares to read an output back.
  package init(
    names: [String], written: WrittenParts, parallelFiles: [ParallelFile] = [], work: WorkOptions
  ) {
    self.names = names
    self.written = written
    self.parallelFiles = parallelFiles
    self.work = work
  }

  /// Reads the output and compares every part.
  ///
  /// - Parameters:
  ///   - path: where the output is so far.
  ///   - output: the place that it is for, which errors name.
  ///   - progress: hears of bytes read.
  /// - Throws: ``IngotCore/IngotError/sourceChanged(path:found:expected:)`` when the disk gives back other bytes.
  package func run(_ path: String, for output: String, progress: (any ProgressObserver)?) throws(IngotError) {
    do throws(IngotError) {
      try compare(path, progress: progress)
    } catch {
      switch error {
      case .malformed(_, _, let found, let expected), .sourceChanged(_, let found, let expected):
        throw .sourceChanged(path: output, found: found, expected: expected)
      default: throw error
      }
    }
  }

  private func compare(_ path: String, progress: (any ProgressObserver)?) throws(IngotError) {
    let checkpoint = try open(path)
    let positions = positions(of: checkpoint.tensors)
    // A tensor that is called by its file has another name where the output is called otherwise.
    let keepsNames = FormatRegistry.format(id: checkpoint.format)?.keepsNames ?? true
    let unnamed = keepsNames ? nil : checkpoint.tensors.first
    var pass = PartPass(
      crew: WorkCrew(jobs: work.jobs), files: SourceFiles(checkpoint.files, system: work.system),
      scratchFolder: work.scratchFolder)
    pass.readsWholeParts = true
    let relay = ProgressRelay(progress)
    progress?.begin("reading back", byteCount: checkpoint.tensors.reduce(0) { $0 + $1.byteCount })
    defer { progress?.end() }
    try pass.run(count: written.count) { (index) throws(IngotError) in
      let part = written[index]
      let name = names[part.reference.tensor]
      let place = Place(file: parallelFiles.isEmpty ? 0 : part.file, name: ExactName(name))
      guard let tensor = unnamed ?? positions[place].map({ checkpoint.tensors[$0] }),
        let stored = tensor.parts.map({ LazyPart.stored(name: name, $0) }).part(part.reference)
      else {
        throw .sourceChanged(path: path, found: "no tensor \(name)", expected: "the one written")
      }
      return stored
    } read: { (_, reading) throws(IngotError) in
      var hash = XXH3()
      try reading.forEachTile { (tile, _) throws(IngotError) in
        hash.update(tile)
        relay.advance(tile.count)
      }
      return hash.value
    } finish: { (index, digests, _) throws(IngotError) in
      guard digests == [written[index].checksums.xxh3] else {
        let name = names[written[index].reference.tensor]
        throw .sourceChanged(path: path, found: "other bytes in \(name)", expected: "those written")
      }
    }
  }

  /// Opens the output; files of the same names one by one, as the pieces that they hold, when they fit together.
  private func open(_ path: String) throws(IngotError) -> Checkpoint {
    let opener = CheckpointOpener(work: work)
    var checkpoint = try opener.open(path)
    guard !parallelFiles.isEmpty else { return checkpoint }
    (checkpoint.files, checkpoint.tensors) = ([], [])
    for file in parallelFiles {
      let piece = try opener.open(FilePath.join(path, file.name))
      guard piece.tensors.count == file.tensors.count else {
        throw .sourceChanged(
          path: path, found: "\(piece.tensors.count, "tensor") in \(file.name)",
          expected: "\(file.tensors.count)")
      }
      checkpoint.tensors += piece.tensors.map { $0.movingFiles(by: checkpoint.files.count) }
      checkpoint.files += piece.files
    }
    return checkpoint
  }

  /// Where a tensor is looked for.
  private struct Place: Hashable {
    /// The file, where several have tensors of one name; else 0.
    var file: Int
    var name: ExactName
  }

  private func positions(of tensors: [TensorDescriptor]) -> [Place: Int] {
    var positions: [Place: Int] = [:]
    positions.reserveCapacity(tensors.count)
    var file = 0
    for (position, tensor) in tensors.enumerated() {
      while parallelFiles.indices.contains(file), position >= parallelFiles[file].tensors.upperBound {
        file += 1
      }
      positions[Place(file: file, name: ExactName(tensor.name))] = position
    }
    return positions
  }
}
