// SPDX-License-Identifier: Apache-2.0
// What a calibrated weight is stored as.
import IngotCore
import IngotKernels

/// What a calibrated weight is stored as; its outputs stand first.
enum CalibratedForm {
  /// Integers with a scale for each output, F32.
  case channels
  /// The same with what integers are divided by in place of scales.
  case dividedChannels
  /// Integers with one scale, which is known.
  case whole(scale: Float)
  /// Integers with a scale for so many inputs of an output.
  case groups(Int, ScaleType)
  /// Blocks of Q8_0, whose scales are fitted as those of groups are.
  case blocks

  /// Inputs that share a scale, of K.
  func groupSize(of width: Int) -> Int {
    switch self {
    case .channels, .dividedChannels, .whole: max(1, width)
    case .groups(let size, _): size
    case .blocks: BlockType.q80.elementCount
    }
  }

  /// How scales are stored.
  var scaleType: ScaleType {
    switch self {
    case .channels, .dividedChannels, .whole: .f32
    case .groups(_, let type): type
    case .blocks: .f16
    }
  }

  /// What is stored of a weight `[N, K]` as integers, or blocks.
  ///
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for inputs that are no whole groups: others refuse those.
  func integerType(of shape: Shape) throws(IngotError) -> PartType {
    guard shape.rank == 2, shape.dimensions[1].isMultiple(of: groupSize(of: shape.dimensions[1])) else {
      throw .internal("a weight that is no whole groups")
    }
    guard case .blocks = self else { return PartType(kind: .values, dtype: .i8, shape: shape) }
    guard let bytes = BlockType.q80.byteShape(of: shape) else { throw .internal("a weight of no blocks") }
    return PartType(kind: .values, dtype: .u8, shape: bytes, blockType: .q80)
  }

  /// What is stored of its scales; `nil` where they are known, or in the blocks.
  func scalePart(of shape: Shape) -> PartType? {
    switch self {
    case .whole, .blocks: nil
    case .channels, .dividedChannels:
      Shape([shape.dimensions[0]]).map { PartType(kind: .scales, dtype: .f32, shape: $0) }
    case .groups(let size, let type):
      Shape([shape.dimensions[0], shape.dimensions[1].dividedUp(by: size)]).map {
        PartType(kind: .scales, dtype: type.dtype, shape: $0)
      }
    }
  }
}
