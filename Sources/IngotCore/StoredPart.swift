// SPDX-License-Identifier: Apache-2.0
// The arrays that a tensor is stored as: its values, and beside quantized ones scales and zero points.

/// What a part of a quantized tensor holds.
///
/// The order of the cases is the order in which a digest takes the parts.
package enum PartKind: String, CaseIterable, Hashable, Sendable {
  case values, scales
  case zeroPoints = "zero_points"

  /// What stands behind the tensor's name in containers that store the parts as tensors of their own.
  package var nameSuffix: String {
    switch self {
    case .values: ""
    case .scales: "_scale"
    case .zeroPoints: "_zero_point"
    }
  }
}

/// One of the arrays that a tensor is stored as.
package struct StoredPart: Hashable, Sendable {
  /// What it holds.
  package var kind: PartKind
  /// Its element type.
  package var dtype: DType
  /// Its dimensions.
  package var shape: Shape
  /// Where its bytes are.
  package var storage: TensorStorage
  /// The blocks that the bytes are, when they are blocks.
  package var blockType: BlockType?

  /// Makes a part.
  package init(
    kind: PartKind, dtype: DType, shape: Shape, storage: TensorStorage, blockType: BlockType? = nil
  ) {
    self.kind = kind
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.blockType = blockType
  }
}
