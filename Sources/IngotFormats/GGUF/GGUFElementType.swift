// SPDX-License-Identifier: Apache-2.0
// ggml's numbers of element types and ours. Page: formats/gguf.md, "Dtypes".
import IngotCore

/// What a tensor of a GGUF file is made of.
enum GGUFElementType: Hashable {
  case plain(DType)
  case blocks(BlockType)

  /// The plain types with ggml's numbers.
  private static let plain: [(number: UInt32, dtype: DType)] = [
    (0, .f32), (1, .f16), (24, .i8), (25, .i16), (26, .i32), (27, .i64), (28, .f64), (30, .bf16),
  ]

  /// The type of a number; `nil` for numbers that are none, such as those of types that ggml removed.
  init?(number: UInt32) {
    if let blockType = BlockType(ggmlNumber: number) {
      self = .blocks(blockType)
    } else if let known = Self.plain.first(where: { $0.number == number }) {
      self = .plain(known.dtype)
    } else {
      return nil
    }
  }

  /// ggml's number of a tensor's type; `nil` for dtypes that GGUF lacks.
  static func number(dtype: DType, blockType: BlockType?) -> UInt32? {
    blockType?.ggmlNumber ?? plain.first { $0.dtype == dtype }?.number
  }

  /// The element type that descriptors have: F32 for blocks.
  var dtype: DType {
    switch self {
    case .plain(let dtype): dtype
    case .blocks: .f32
    }
  }

  /// The block type; `nil` for plain types.
  var blockType: BlockType? {
    switch self {
    case .plain: nil
    case .blocks(let blockType): blockType
    }
  }

  /// The name in messages.
  var name: String { blockType?.rawValue ?? dtype.rawValue }
}
