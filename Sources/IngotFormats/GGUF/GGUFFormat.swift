// SPDX-License-Identifier: Apache-2.0
// Reads GGUF files and the sets that they are split into: headers only; the data stays where it is.
// Page: formats/gguf.md.
import IngotBytes
import IngotCore

/// The GGUF format.
package struct GGUFFormat: CheckpointFormat {
  /// Makes the format.
  package init() {}

  /// The id in reports and options.
  package let id = "gguf"
  /// The project's own spelling.
  package let title = "GGUF"
  /// The one extension.
  package let fileExtensions = ["gguf"]
  /// ggml has a row's length first.
  package let innermostFirst: String? = "ggml"
  /// The page that specifies it.
  package let page = "gguf.md"
  /// Plans files of this format.
  package var writer: (any CheckpointWriter)? { GGUFWriter() }
  /// Changes a file's metadata, each value with its type.
  package var metadataEditor: (any MetadataEditor)? { GGUFEditor() }

  /// The magic.
  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool {
    firstBytes.starts(with: GGUFLayout.magic)
  }

  /// Reads the header of a file, and those of the other parts when it is the first of a set.
  ///
  /// - Parameters:
  ///   - source: the file.
  ///   - options: nothing that concerns this format.
  /// - Returns: the checkpoint; tensors of block types have F32 as their dtype.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule broken;
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for other versions and for a later part of a set;
  ///   ``IngotCore/IngotError/missing(path:why:hint:)`` for a part that is not there.
  /// - Complexity: reads headers; allocates as much as they hold.
  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    let header = try GGUFHeader(source)
    let checkpoint = Checkpoint(
      format: id, files: [CheckpointFile(path: source.path, byteCount: source.byteCount)],
      tensors: header.tensors, metadata: header.metadata, findings: header.findings,
      indexByteCount: header.byteCount)
    guard let split = try GGUFSplit(header.metadata, path: source.path) else { return checkpoint }
    guard split.number == 0 else {
      let first = try split.stem(of: source.path) + GGUFSplit.suffix(0, of: split.count)
      throw .unsupported(
        "part \(split.number + 1) of a set of \(split.count) by itself; \(first) opens the set",
        at: Location(source.path))
    }
    return try GGUFSplitSet(checkpoint, split).opened(beside: source)
  }
}
