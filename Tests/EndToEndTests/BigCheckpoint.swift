// SPDX-License-Identifier: Apache-2.0
// Checkpoints large enough that a command on them can be interrupted: a header, then a hole in the file.
import Foundation
import IngotTestSupport

/// Makes large checkpoints without filling a disk.
enum BigCheckpoint {
  /// Writes a safetensors file whose data is a hole.
  ///
  /// - Parameters:
  ///   - name: the file's name.
  ///   - folder: where it goes.
  ///   - tensorCount: F32 tensors in it.
  ///   - elementCount: elements of each.
  ///   - tensorName: a tensor's name by its number.
  /// - Returns: its path.
  /// - Throws: the system's error when it can't be written.
  static func write(
    _ name: String, in folder: TemporaryFolder, tensorCount: Int, elementCount: Int,
    tensorName: (Int) -> String = { "layer.\($0)" }
  ) throws -> String {
    let entries = (0..<tensorCount).map { index in
      let (start, end) = (index * elementCount * 4, (index + 1) * elementCount * 4)
      return
        "\"\(tensorName(index))\":{\"dtype\":\"F32\",\"shape\":[\(elementCount)],\"data_offsets\":[\(start),\(end)]}"
    }
    let header = Array(("{" + entries.joined(separator: ",") + "}").utf8)
    var bytes = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    bytes += header
    let path = try folder.write(bytes, to: name)
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.truncate(atOffset: UInt64(bytes.count + tensorCount * elementCount * 4))
    try handle.close()
    return path
  }
}
