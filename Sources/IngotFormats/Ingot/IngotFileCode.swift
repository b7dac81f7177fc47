// SPDX-License-Identifier: Apache-2.0
// The codes by which `.ingot` files spell dtypes, schemes and values. Pages: formats/ingot.md, "Dtypes" and "Index".
import IngotCore

/// Values of our own types with the one-byte codes that files have for them.
enum IngotFileCode {
  /// Kinds of a tensor's entry.
  enum Entry: UInt8 {
    case plain = 0
    case quantized = 1
    case alias = 2
  }

  /// Granularities without their numbers.
  enum Granularity: UInt8 {
    case tensor = 0
    case channel = 1
    case group = 2
  }

  /// Tags of metadata values.
  enum Tag: UInt8 {
    case null = 0
    case bool = 1
    case uint8 = 2
    case int8 = 3
    case uint16 = 4
    case int16 = 5
    case uint32 = 6
    case int32 = 7
    case uint64 = 8
    case int64 = 9
    case float32 = 10
    case float64 = 11
    case text = 12
    case array = 13
    case object = 14
    case typedArray = 15
  }

  /// Which digests a tail holds of each run.
  enum Digests: UInt8 {
    case xxh3 = 1
    case xxh3AndSHA256 = 3
  }

  /// Dtypes by code, from 1 on.
  static let dtypes: [DType] = [
    .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64, .f16, .bf16, .f32, .f64, .c64, .c128, .f8E4M3,
    .f8E5M2,
    .f8E8M0, .f8E4M3FNUZ, .f8E5M2FNUZ, .f6E2M3, .f6E3M2, .f4,
  ]

  /// What the code of a block type is above ggml's number.
  private static let firstBlockCode: UInt8 = 128

  /// The block type of a code; `nil` for dtypes and for codes that are none.
  static func blockType(_ code: UInt8) -> BlockType? {
    guard code >= firstBlockCode else { return nil }
    return BlockType(ggmlNumber: UInt32(code - firstBlockCode))
  }

  /// The code of a block type.
  static func code(_ blockType: BlockType) -> UInt8 {
    firstBlockCode + UInt8(truncatingIfNeeded: blockType.ggmlNumber)
  }

  /// The dtype of a code.
  static func dtype(_ code: UInt8) -> DType? {
    let index = Int(code) - 1
    return dtypes.indices.contains(index) ? dtypes[index] : nil
  }

  /// The code of a dtype.
  static func code(_ dtype: DType) -> UInt8 {
    UInt8(1 + (dtypes.firstIndex(of: dtype) ?? 0))
  }

  /// Scale kinds by code, from 0 on.
  static let scaleKinds: [Quantization.ScaleKind] = [.direct, .inverse, .absmax]
  /// Activation schemes by code, from 0 on.
  static let activations: [Quantization.ActivationScheme] = [.none, .dynamicPerToken]
  /// Part kinds by code, from 0 on.
  static let partKinds: [PartKind] = [.values, .scales, .zeroPoints, .keptRows]
}
