// SPDX-License-Identifier: Apache-2.0
// Where a set of files is cut: huggingface_hub's rule for sets with an index, llama.cpp's for those without.
import IngotCore

/// Cuts tensors into files.
enum ShardCut {
  /// Cuts in order and keeps it: a new file begins when the next tensor would pass the limit and the open file has one.
  ///
  /// - Parameters:
  ///   - byteCounts: the bytes of each tensor.
  ///   - limit: the most bytes of tensors in one file, but for a file of one tensor.
  /// - Returns: the indexes of each file's tensors; none when there is no tensor.
  /// - SeeAlso: `ggml-org/llama.cpp: gguf-py/gguf/gguf_writer.py`, `add_tensor_info`.
  static func runs(of byteCounts: [Int], limit: Int) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    var (start, openByteCount) = (0, 0)
    for (index, byteCount) in byteCounts.enumerated() {
      if index > start, byteCount > limit - openByteCount {
        runs.append(start..<index)
        (start, openByteCount) = (index, 0)
      }
      openByteCount = openByteCount.checkedAdd(byteCount) ?? .max
    }
    return byteCounts.isEmpty ? [] : runs + [start..<byteCounts.count]
  }

  /// Cuts in order: a new file begins when the next tensor would pass the limit; one over the limit has a file of its own
  /// at once, and the open one goes on.
  ///
  /// - Parameters:
  ///   - byteCounts: the bytes of each tensor.
  ///   - limit: the most bytes of tensors in one file; `nil` for one file.
  /// - Returns: the indexes of each file's tensors; none when there is no tensor.
  /// - SeeAlso: `huggingface/huggingface_hub: src/huggingface_hub/serialization/_base.py`.
  static func groups(of byteCounts: [Int], limit: Int?) -> [[Int]] {
    let limit = limit ?? .max
    var groups: [[Int]] = []
    var open: [Int] = []
    var openByteCount = 0
    for (index, byteCount) in byteCounts.enumerated() {
      if byteCount > limit {
        groups.append([index])
        continue
      }
      if byteCount > limit - openByteCount {
        groups.append(open)
        (open, openByteCount) = ([], 0)
      }
      open.append(index)
      openByteCount += byteCount
    }
    return open.isEmpty ? groups : groups + [open]
  }
}
