// SPDX-License-Identifier: Apache-2.0
// What the bytes of a part are: numbers of a dtype, or a program's blocks.

/// What the bytes of a part are.
public enum ElementType: Hashable, Sendable, CustomStringConvertible {
  /// Consecutive numbers.
  case number(DType)
  /// Consecutive blocks.
  case block(BlockType)

  /// Bits of one element.
  public var bitWidth: Int {
    switch self {
    case .number(let dtype): dtype.bitWidth
    case .block(let blockType): blockType.byteCount * 8
    }
  }

  /// The name as reports have it.
  public var description: String {
    switch self {
    case .number(let dtype): dtype.rawValue
    case .block(let blockType): blockType.rawValue
    }
  }
}

extension StoredPart {
  /// What its bytes are.
  package var elementType: ElementType { blockType.map { .block($0) } ?? .number(dtype) }
}
