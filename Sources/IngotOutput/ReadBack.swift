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
  /// How the work is done.
  private let work: WorkOptions

  /// Prepares to read an output back.
  package init(names: [String], written: WrittenParts, work: WorkOptions) {
    self.names = names
    self.written = written
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
    let checkpoint = try CheckpointOpener(work: work).open(path)
    var positions: [ExactName: Int] = [:]
    for (position, tensor) in checkpoint.tensors.enumerated() { positions[ExactName(tensor.name)] = position }
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
      guard let tensor = unnamed ?? positions[ExactName(name)].map({ checkpoint.tensors[$0] }),
        tensor.parts.indices.contains(part.reference.part)
      else {
        throw .sourceChanged(path: path, found: "no tensor \(name)", expected: "the one written")
      }
      return .stored(name: name, tensor.parts[part.reference.part])
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
}
