// SPDX-License-Identifier: Apache-2.0
// Where a set of files is cut: huggingface_hub's rule, for every format that has shards.

/// Cuts tensors into files.
enum ShardCut {
  /// Cuts in order: a new file begins when the next tensor would pass the limit; one over the limit has a file of its own.
  ///
  /// - Parameters:
  ///   - byteCounts: the bytes of each tensor.
  ///   - limit: the most bytes of tensors in one file; `nil` for one file.
  /// - Returns: the tensors of each file; none when there is no tensor.
  /// - SeeAlso: `huggingface/huggingface_hub: src/huggingface_hub/serialization/_base.py`.
  static func ranges(of byteCounts: [Int], limit: Int?) -> [Range<Int>] {
    guard let limit, !byteCounts.isEmpty else { return byteCounts.isEmpty ? [] : [byteCounts.indices] }
    var ranges: [Range<Int>] = []
    var start = 0
    var sum = 0
    for (index, byteCount) in byteCounts.enumerated() {
      if sum > 0, sum + byteCount > limit {
        ranges.append(start..<index)
        start = index
        sum = 0
      }
      sum += byteCount
    }
    return ranges + [start..<byteCounts.count]
  }
}
