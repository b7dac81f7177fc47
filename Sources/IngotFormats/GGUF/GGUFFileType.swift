// SPDX-License-Identifier: Apache-2.0
// `general.file_type`: llama.cpp's number for what most values of a file's matrices are.
// ggml-org/llama.cpp: include/llama.h, `llama_ftype`.
import IngotCore

/// What llama.cpp calls a file by the types of its tensors.
package enum GGUFFileType {
  /// The key of metadata that says it.
  package static let key = "general.file_type"

  /// The number for a file of some tensors.
  ///
  /// - Parameter tensors: the tensors.
  /// - Returns: that of the type that most values of matrices have; `nil` for types that llama.cpp mixes with others, so
  ///   that their number says more than the type.
  package static func number(of tensors: [PlannedTensor]) -> UInt32? {
    var counts: [String: Int] = [:]
    for tensor in tensors where tensor.shape.rank > 1 {
      counts[tensor.typeName, default: 0] += tensor.shape.elementCount
    }
    // Of equal counts the name decides, so that the answer is always the same.
    let most = counts.max { ($0.value, $0.key) < ($1.value, $1.key) }
    return most.flatMap { numbers[$0.key] }
  }

  private static let numbers: [String: UInt32] = [
    DType.f32.rawValue: 0, DType.f16.rawValue: 1, DType.bf16.rawValue: 32,
    BlockType.q40.rawValue: 2, BlockType.q41.rawValue: 3, BlockType.q80.rawValue: 7,
    BlockType.q50.rawValue: 8, BlockType.q51.rawValue: 9, BlockType.q6K.rawValue: 18,
  ]
}
