// SPDX-License-Identifier: Apache-2.0
// The plain twins of the block kernels: one value at a time, read like the description of the formats.
import IngotCore

extension ReferenceKernels {
  /// The value at an index of a block, by the rule of its type.
  ///
  /// - Parameters:
  ///   - index: which of the block's values.
  ///   - block: the bytes of one block, little-endian.
  ///   - blockType: one that ``BlockDecoder`` decodes; others give NaN.
  /// - Returns: the value; each product and each sum rounded to single precision by itself.
  package static func blockValue(_ index: Int, of block: [UInt8], _ blockType: BlockType) -> Float {
    let bits = BlockBits(block)
    switch blockType {
    case .q40: return bits.half(0) * Float(bits.nibble(index, from: 2) - 8)
    case .q41: return bits.half(0) * Float(bits.nibble(index, from: 4)) + bits.half(2)
    case .q50: return bits.half(0) * Float(bits.nibble(index, from: 6) + bits.bit(index, from: 2) * 16 - 16)
    case .q51:
      return bits.half(0) * Float(bits.nibble(index, from: 8) + bits.bit(index, from: 4) * 16) + bits.half(2)
    case .q80: return bits.half(0) * Float(bits.signed(2 + index))
    case .q8K: return bits.single(0) * Float(bits.signed(4 + index))
    case .q2K:
      let scales = bits[index / 16]
      let q = bits[16 + index / 128 * 32 + index % 32] >> (index % 128 / 32 * 2) & 3
      return bits.half(80) * Float(scales & 15) * Float(q) - bits.half(82) * Float(scales >> 4)
    case .q3K: return bits.half(108) * Float(bits.scaleQ3(index / 16)) * Float(bits.valueQ3(index))
    case .q4K:
      let (scale, minimum) = bits.scaleAndMinimum(index / 32)
      let q = bits[16 + index / 64 * 32 + index % 32] >> (index % 64 / 32 * 4) & 15
      return bits.half(0) * Float(scale) * Float(q) - bits.half(2) * Float(minimum)
    case .q5K:
      let (scale, minimum) = bits.scaleAndMinimum(index / 32)
      let low = bits[48 + index / 64 * 32 + index % 32] >> (index % 64 / 32 * 4) & 15
      let high = bits[16 + index % 32] >> (index / 32) & 1
      return bits.half(0) * Float(scale) * Float(low + high * 16) - bits.half(2) * Float(minimum)
    case .q6K:
      let low = bits[index / 128 * 64 + index % 64] >> (index % 128 / 64 * 4) & 15
      let high = bits[128 + index / 128 * 32 + index % 32] >> (index % 128 / 32 * 2) & 3
      return bits.half(208) * Float(bits.signed(192 + index / 16)) * Float(low + high * 16 - 32)
    default: return codedValue(index, of: bits, blockType)
    }
  }

  /// A block of Q8_0: scale = absmax ÷ 127 in half precision, values rounded half away from zero.
  ///
  /// - Parameter values: 32 finite values.
  /// - Returns: 34 bytes.
  package static func blockQ8(_ values: [Float]) -> [UInt8] {
    let scale = (values.map(\.magnitude).max() ?? 0) / 127
    let inverse = (1 / scale).isFinite ? 1 / scale : 0
    let half = UInt16(encode(Double(scale), format: .f16))
    let bytes = values.map { UInt8(bitPattern: Int8(($0 * inverse).rounded(.toNearestOrAwayFromZero))) }
    return [UInt8(truncatingIfNeeded: half), UInt8(half >> 8)] + bytes
  }
}

/// The bytes of a block, taken apart.
struct BlockBits {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  subscript(position: Int) -> Int { Int(bytes[position]) }

  func word(_ position: Int) -> Int { self[position] | self[position + 1] << 8 }

  /// An unsigned 8-bit float of three fraction bits; 0 for the code that is no number.
  func unsignedScale(_ position: Int) -> Float {
    let (exponent, fraction) = (self[position] >> 3 & 15, Float(self[position] & 7))
    guard self[position] != 0x7F else { return 0 }
    return exponent == 0
      ? fraction * 0x1p-9 : (1 + fraction / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
  }

  func signed(_ position: Int) -> Int { Int(Int8(bitPattern: bytes[position])) }

  func half(_ position: Int) -> Float {
    let code = UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8
    return Float(ReferenceKernels.decode(bits: code, format: .f16))
  }

  func single(_ position: Int) -> Float {
    Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[position + $1]) << UInt32(8 * $1) })
  }

  /// Four bits of one of 32 values: the first 16 in low nibbles, the others in high ones.
  func nibble(_ index: Int, from start: Int) -> Int {
    self[start + index % 16] >> (index / 16 * 4) & 15
  }

  func bit(_ index: Int, from start: Int) -> Int { self[start + index / 8] >> (index % 8) & 1 }

  /// One of the 16 six-bit scales of Q3_K: four low bits in bytes 96 to 103, two high bits in 104 to 107.
  func scaleQ3(_ group: Int) -> Int {
    let low = self[96 + group % 8] >> (group / 8 * 4) & 15
    let high = self[104 + group % 4] >> (group / 4 * 2) & 3
    return low + high * 16 - 32
  }

  /// Two low bits of a value of Q3_K, less 4 where its high bit is not set.
  func valueQ3(_ index: Int) -> Int {
    let low = self[32 + index / 128 * 32 + index % 32] >> (index % 128 / 32 * 2) & 3
    return low - (self[index % 32] >> (index / 32) & 1 == 1 ? 0 : 4)
  }

  /// One of the eight six-bit scales and minima of Q4_K and Q5_K, in bytes 4 to 15.
  func scaleAndMinimum(_ group: Int) -> (scale: Int, minimum: Int) {
    guard group >= 4 else { return (self[4 + group] & 63, self[8 + group] & 63) }
    let (scale, minimum) = (self[8 + group] & 15, self[8 + group] >> 4)
    return (scale + (self[group] >> 6) * 16, minimum + (self[4 + group] >> 6) * 16)
  }
}
