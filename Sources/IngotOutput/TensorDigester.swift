// SPDX-License-Identifier: Apache-2.0
// The digest of a tensor, which does not depend on its container.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTransforms

/// Takes digests of a checkpoint's tensors, streaming each once.
package final class TensorDigester: Sendable {
  private let files: SourceFiles
  private let scratchFolder: String

  /// Makes a digester.
  ///
  /// - Parameters:
  ///   - checkpoint: whose tensors are read.
  ///   - work: how the work is done.
  package init(_ checkpoint: Checkpoint, work: WorkOptions) {
    files = SourceFiles(checkpoint.files, system: work.system)
    scratchFolder = work.scratchFolder
  }

  /// SHA-256 over the tensor's parts, each little-endian, in C order and contiguous, as 64 hexadecimal digits.
  ///
  /// - Parameters:
  ///   - tensor: one of the checkpoint's.
  ///   - observe: sees each tile too, so that a look at the values needs no second pass.
  /// - Returns: the digest.
  /// - Throws: the source's errors, a container's own checksum that does not hold among them.
  package func digest(
    of tensor: TensorDescriptor,
    observe: (StoredPart, UnsafeRawBufferPointer) -> Void = { _, _ in }
  ) throws(IngotError) -> String {
    try digest(of: tensor, engine: TileEngine()) { part, tile, _ in observe(part, tile) }
  }

  private func digest(
    of tensor: TensorDescriptor, engine: TileEngine,
    observe: (StoredPart, UnsafeRawBufferPointer, _ offset: Int) -> Void
  ) throws(IngotError) -> String {
    var hash = SHA256()
    for part in tensor.parts {
      let tiles = try LazyPart.stored(name: tensor.name, part).open(
        files: files, scratchFolder: scratchFolder)
      try engine.forEachTile(of: tiles) { (tile, offset) throws(IngotError) in
        hash.update(tile)
        observe(part, tile, offset)
      }
    }
    return hash.finishHex()
  }

  /// Takes the digests of several tensors, each on a thread of its own, and those of other names of one but once.
  ///
  /// - Parameters:
  ///   - tensors: some of the checkpoint's.
  ///   - distinct: which of them are read.
  ///   - crew: the threads.
  ///   - observe: sees each tile too, with the index of the tensor that is read, on any thread; the tiles of a tensor in
  ///     order on one.
  /// - Returns: the digests, in the order of the tensors.
  /// - Throws: the sources' errors.
  package func digests(
    of tensors: [TensorDescriptor], _ distinct: DistinctTensors, crew: WorkCrew,
    observe: (Int, StoredPart, UnsafeRawBufferPointer, _ offset: Int) -> Void
  ) throws(IngotError) -> [String] {
    let engines = (0..<crew.jobCount).map { _ in TileEngine() }
    let indexes = distinct.indexes
    let order = WorkCrew.order(count: indexes.count) { tensors[indexes[$0]].byteCount }
    let results = IndexedResults<String>(count: tensors.count, initial: "")
    try crew.run(taskCount: indexes.count) { (slot, task) throws(IngotError) in
      let index = indexes[order?[task] ?? task]
      results[index] = try digest(of: tensors[index], engine: engines[slot]) { part, tile, offset in
        observe(index, part, tile, offset)
      }
    }
    let values = results.values
    return distinct.owners.map { values[$0] }
  }

  /// SHA-256 over concatenated parts, as of a tensor that holds them.
  package func digest(
    of parts: [LazyPart], observe: (UnsafeRawBufferPointer) -> Void
  ) throws(IngotError) -> String {
    var hash = SHA256()
    let engine = TileEngine()
    for part in parts {
      let tiles = try part.open(files: files, scratchFolder: scratchFolder)
      try engine.forEachTile(of: tiles) { (tile, _) throws(IngotError) in
        hash.update(tile)
        observe(tile)
      }
    }
    return hash.finishHex()
  }

  /// Hands over the canonical bytes of a tensor's parts, tile by tile.
  package func forEachTile(
    of tensor: TensorDescriptor,
    _ body: (StoredPart, UnsafeRawBufferPointer) throws(IngotError) -> Void
  ) throws(IngotError) {
    let engine = TileEngine()
    for part in tensor.parts {
      let tiles = try LazyPart.stored(name: tensor.name, part).open(
        files: files, scratchFolder: scratchFolder)
      try engine.forEachTile(of: tiles) { (tile, _) throws(IngotError) in try body(part, tile) }
    }
  }

  /// A pass over parts of the checkpoint's tensors.
  package func pass(crew: WorkCrew) -> PartPass {
    PartPass(crew: crew, files: files, scratchFolder: scratchFolder)
  }

  /// Hands over the elements of a part, tile by tile.
  package func forEachRun(
    of part: LazyPart, _ body: (Elements) throws(IngotError) -> Void
  ) throws(IngotError) {
    let tiles = try part.open(files: files, scratchFolder: scratchFolder)
    try TileEngine().forEachTile(of: tiles) { (tile, _) throws(IngotError) in
      try body(Elements(tile, tiles.elementType))
    }
  }

  /// Throws when a file changed while it was read.
  package func checkUnchanged() throws(IngotError) { try files.checkUnchanged() }
}
