// SPDX-License-Identifier: Apache-2.0
// Reads an output back from disk and compares it with what was meant to be written.
import IngotBytes
import IngotCore
import IngotFormats
import IngotTransforms

/// A comparison of an output, as its own reader sees it, with the checksums taken while it was written.
struct OutputCheck {
  /// The tensors' names, by index.
  let names: [String]
  /// What was written, with XXH3 of each part.
  let written: [WrittenPart]
  /// Where scratch files go.
  let scratchFolder: String

  /// Reads the output and compares every part.
  ///
  /// - Throws: ``IngotCore/IngotError/sourceChanged(path:found:expected:)`` when the disk gives back other bytes.
  func run(_ path: String, progress: (any ProgressObserver)?) throws(IngotError) {
    let checkpoint = try CheckpointOpener().open(path)
    var tensors: [ExactName: TensorDescriptor] = [:]
    for tensor in checkpoint.tensors { tensors[ExactName(tensor.name)] = tensor }
    let files = SourceFiles(checkpoint.files)
    let engine = TileEngine()
    progress?.begin("reading back", byteCount: written.reduce(0) { $0 + $1.byteCount })
    defer { progress?.end() }
    for part in written {
      let name = names[part.reference.tensor]
      guard let tensor = tensors[ExactName(name)], tensor.parts.indices.contains(part.reference.part) else {
        throw .sourceChanged(path: path, found: "no tensor \(name)", expected: "the one written")
      }
      let tiles = try LazyPart.stored(name: name, tensor.parts[part.reference.part])
        .open(files: files, scratchFolder: scratchFolder)
      var hash = XXH3()
      try engine.forEachTile(of: tiles) { (tile, _) throws(IngotError) in
        hash.update(tile)
        progress?.advance(tile.count)
      }
      guard hash.value == part.xxh3 else {
        throw .sourceChanged(path: path, found: "other bytes in \(name)", expected: "those written")
      }
    }
  }
}
