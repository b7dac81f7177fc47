// SPDX-License-Identifier: Apache-2.0
// `open`: a checkpoint from its headers.
import IngotBytes
import IngotCore
import IngotFormats

extension Ingot {
  /// Opens a checkpoint: headers are read, tensors are not.
  ///
  /// - Parameters:
  ///   - path: a file, a shard index, a folder, or an archive.
  ///   - reading: how to read.
  ///   - work: how the work is done.
  /// - Returns: the checkpoint.
  /// - Throws: the reader's errors.
  public static func open(
    _ path: String, reading: ReadOptions = ReadOptions(), work: WorkOptions = WorkOptions()
  ) throws(IngotError) -> Checkpoint {
    try CheckpointOpener(options: reading, work: work).open(path)
  }
}
