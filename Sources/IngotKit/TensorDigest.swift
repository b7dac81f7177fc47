// SPDX-License-Identifier: Apache-2.0
// The digest of a tensor, which does not depend on its container.
import IngotBytes
import IngotCore
import IngotTransforms

/// Takes digests of a checkpoint's tensors, streaming each once.
public final class TensorDigester {
  private let files: SourceFiles
  private let scratchFolder: String
  private let engine = TileEngine()

  /// Makes a digester.
  ///
  /// - Parameters:
  ///   - checkpoint: whose tensors are read.
  ///   - scratchFolder: where scratch files go.
  public init(_ checkpoint: Checkpoint, scratchFolder: String = defaultScratchFolder) {
    files = SourceFiles(checkpoint.files)
    self.scratchFolder = scratchFolder
  }

  /// SHA-256 over the tensor's parts, each little-endian, in C order and contiguous, as 64 hexadecimal digits.
  ///
  /// - Parameters:
  ///   - tensor: one of the checkpoint's.
  ///   - observe: sees each tile of the values too, with its offset, so that statistics need no second pass.
  /// - Returns: the digest.
  /// - Throws: the source's errors, a container's own checksum that does not hold among them.
  public func digest(
    of tensor: TensorDescriptor,
    observe: (QuantizedPart, UnsafeRawBufferPointer) -> Void = { _, _ in }
  ) throws(IngotError) -> String {
    var hash = SHA256()
    try forEachTile(of: tensor) { (part, tile) throws(IngotError) in
      hash.update(tile)
      observe(part, tile)
    }
    return hash.finishHex()
  }

  /// Hands over the canonical bytes of a tensor's parts, tile by tile.
  public func forEachTile(
    of tensor: TensorDescriptor,
    _ body: (QuantizedPart, UnsafeRawBufferPointer) throws(IngotError) -> Void
  ) throws(IngotError) {
    for part in tensor.parts {
      let tiles = try LazyPart.stored(name: tensor.name, part).open(
        files: files, scratchFolder: scratchFolder)
      try engine.forEachTile(of: tiles) { (tile, _) throws(IngotError) in try body(part, tile) }
    }
  }

  /// Throws when a file changed while it was read.
  public func checkUnchanged() throws(IngotError) { try files.checkUnchanged() }
}

/// Where scratch files go unless the caller says otherwise.
public let defaultScratchFolder = Process.environment("TMPDIR") ?? "/tmp"
