// SPDX-License-Identifier: Apache-2.0
// The arrays that a tensor is stored as: its values, and beside quantized ones scales, zero points, and rows that are kept.

/// What a part of a quantized tensor holds.
///
/// The order of the cases is the order in which a digest takes the parts.
package enum PartKind: String, CaseIterable, Hashable, Sendable {
  case values, scales
  case zeroPoints = "zero_points"
  /// Real numbers of rows whose values don't count.
  case keptRows = "kept_rows"

  /// What stands behind the tensor's name in containers that store the parts as tensors of their own.
  package var nameSuffix: String {
    switch self {
    case .values: ""
    case .scales: "_scale"
    case .zeroPoints: "_zero_point"
    case .keptRows: "_kept_rows"
    }
  }
}

/// One of the arrays that a tensor is stored as.
package struct StoredPart: Hashable, Sendable {
  /// What it is.
  package var type: PartType
  /// Where its bytes are.
  package var storage: TensorStorage

  /// Makes a part.
  package init(_ type: PartType, _ storage: TensorStorage) {
    self.type = type
    self.storage = storage
  }

  /// Describes bytes that are no tensor's: a range of a file, an entry of an archive.
  ///
  /// - Parameters:
  ///   - byteCount: decoded bytes.
  ///   - storage: where they are.
  /// - Throws: ``IngotError/internal(_:)`` for a negative count.
  package init(bytes byteCount: Int, _ storage: TensorStorage) throws(IngotError) {
    guard let shape = Shape([byteCount]) else { throw .internal("a range without a length") }
    self.init(PartType(kind: .values, dtype: .u8, shape: shape), storage)
  }

  /// What it holds.
  package var kind: PartKind { type.kind }
  /// Its element type.
  package var dtype: DType { type.dtype }
  /// Its dimensions.
  package var shape: Shape {
    get { type.shape }
    set { type.shape = newValue }
  }
  /// The blocks that the bytes are, when they are blocks.
  package var blockType: BlockType? { type.blockType }
}
