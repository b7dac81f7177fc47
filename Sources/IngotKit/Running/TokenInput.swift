// SPDX-License-Identifier: Apache-2.0
// Token ids as a caller gives them: a list, or a file of integers.
import IngotBytes
import IngotCore
import IngotFormats
import IngotModels

/// Token ids as a caller gives them.
package enum TokenInput {
  /// Reads token ids.
  ///
  /// - Parameters:
  ///   - text: `1,2,3`, or the path of a `.npy` file of integers with one or two dimensions.
  ///   - work: how files are read.
  /// - Returns: ids, `[B, T]`; a list and a vector are one row.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for text that is neither, and the reader's errors.
  package static func read(
    _ text: String, work: WorkOptions = WorkOptions()
  ) throws(IngotError) -> IntegerArray {
    if FilePath.fileExtension(of: text) == "npy" { return try readFile(text, work) }
    var ids: [Int] = []
    for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let id = Int(piece.trimmingSpaces()), id >= 0 else {
        throw .invalidRequest(
          option: .tokens, why: "\(String(piece)) is not a token id; give 1,2,3 or a .npy file")
      }
      ids.append(id)
    }
    return IntegerArray(shape: Shape([1, ids.count]) ?? .scalar, values: ids)
  }

  private static func readFile(_ path: String, _ work: WorkOptions) throws(IngotError) -> IntegerArray {
    let checkpoint = try CheckpointOpener(work: work).open(path)
    guard let tensor = checkpoint.tensors.first, checkpoint.tensors.count == 1,
      (1...2).contains(tensor.shape.rank),
      tensor.shape.elementCount > 0
    else {
      throw .unsuitable(
        Location(path), why: "does not hold one array of token ids with one or two dimensions", hint: nil)
    }
    var ids = try ArrayLoader(checkpoint, work: work).integers(tensor)
    if ids.shape.rank == 1 { ids.shape = Shape([1, ids.values.count]) ?? .scalar }
    return ids
  }
}

extension Substring {
  /// The text without spaces at its ends.
  fileprivate func trimmingSpaces() -> Substring {
    var text = self
    while text.first == " " { text = text.dropFirst() }
    while text.last == " " { text = text.dropLast() }
    return text
  }
}
