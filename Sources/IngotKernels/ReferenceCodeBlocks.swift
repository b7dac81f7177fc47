// SPDX-License-Identifier: Apache-2.0
// The plain twins of the decoders of blocks whose values are places in lists: one value at a time.
import CIngotKernels
import IngotCore

extension ReferenceKernels {
  /// ggml's list of 16 values that are not evenly apart.
  private static let uneven: [Float] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ]
  /// The 4-bit floats, doubled.
  private static let fourBitFloats: [Float] = [
    0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12,
  ]
  private static let powersOfThree = [1, 3, 9, 27, 81]

  /// The value at an index of a block whose values are places in lists.
  ///
  /// - Parameters:
  ///   - index: which of the block's values.
  ///   - bits: one block.
  ///   - blockType: its type.
  /// - Returns: the value; NaN for a type of other values.
  static func codedValue(_ index: Int, of bits: BlockBits, _ blockType: BlockType) -> Float {
    switch blockType {
    case .iq2XXS, .iq2XS, .iq2S: return gridValue(index, of: bits, eights(blockType, index / 8, bits))
    case .iq3XXS, .iq3S: return gridValue(index, of: bits, fours(blockType, index / 4, bits))
    case .iq1S: return ternaryGridValue(index, of: bits)
    case .iq1M: return splitScaleValue(index, of: bits)
    case .iq4NL: return bits.half(0) * uneven[bits.nibble(index, from: 2)]
    case .iq4XS:
      let group = index / 32
      let scale = bits[4 + group / 2] >> (group % 2 * 4) & 15 | (bits.word(2) >> (2 * group) & 3) << 4
      return bits.half(0) * Float(scale - 32) * uneven[bits.nibble(index % 32, from: 8 + group * 16)]
    case .tq10:
      // Five digits a byte for 240 values, four for the others.
      let (byte, digit) =
        index < 160
        ? (index % 32, index / 32)
        : index < 240 ? (32 + index % 16, index / 16 - 10) : (48 + index % 4, index / 4 - 60)
      return bits.half(52) * Float((bits[byte] * powersOfThree[digit] % 256) * 3 / 256 - 1)
    case .tq20:
      return bits.half(64) * Float(bits[index / 128 * 32 + index % 32] >> (index % 128 / 32 * 2) & 3 - 1)
    case .mxfp4:
      let scale = Float(sign: .plus, exponent: bits[0] - 128, significand: 1)
      return scale * fourBitFloats[bits.nibble(index, from: 1)]
    case .nvfp4:
      let group = index / 16
      let nibble = bits[4 + group * 8 + index % 8] >> (index % 16 / 8 * 4) & 15
      return bits.unsignedScale(group) / 2 * fourBitFloats[nibble]
    case .q10: return bits.bit(index, from: 2) == 1 ? bits.half(0) : -bits.half(0)
    case .q20: return bits.half(0) * Float(bits[2 + index / 4] >> (index % 4 * 2) & 3 - 1)
    default: return .nan
    }
  }

  /// What the values of a run have in common.
  private struct Run {
    let factor: Float
    /// The entry of the grid, and its magnitudes.
    let entry: UInt16
    let magnitudes: [Float]
    /// Bit i for a minus at value i.
    let signs: Int
  }

  /// A run of eight values of the types of two bits.
  private static func eights(_ blockType: BlockType, _ run: Int, _ bits: BlockBits) -> Run {
    let scale: Int
    let (entry, signs): (UInt16, Int)
    switch blockType {
    case .iq2XXS:
      let start = 2 + run / 4 * 8
      let rest = bits.word(start + 4) | bits.word(start + 6) << 16
      (scale, signs) = (rest >> 28, evenSigns(rest >> (7 * (run % 4)) & 127))
      entry = ingot_iq2_xxs_entries()[bits[start + run % 4]]
    case .iq2XS:
      let word = bits.word(2 + run * 2)
      (scale, signs) = (bits[66 + run / 4] >> (run / 2 % 2 * 4) & 15, evenSigns(word >> 9))
      entry = ingot_iq2_xs_entries()[word & 511]
    default:
      let high = bits[66 + run / 4] >> (run % 4 * 2) & 3
      (scale, signs) = (bits[74 + run / 4] >> (run / 2 % 2 * 4) & 15, bits[34 + run])
      entry = ingot_iq2_s_entries()[bits[2 + run] + high * 256]
    }
    return Run(
      factor: bits.half(0) * (0.5 + Float(scale)) * 0.25, entry: entry, magnitudes: [8, 25, 43], signs: signs)
  }

  /// A run of four values of the types of three bits.
  private static func fours(_ blockType: BlockType, _ run: Int, _ bits: BlockBits) -> Run {
    guard blockType == .iq3XXS else {
      let high = bits[66 + run / 8] >> (run % 8) & 1
      let scale = bits[106 + run / 16] >> (run / 8 % 2 * 4) & 15
      return Run(
        factor: bits.half(0) * Float(1 + 2 * scale),
        entry: ingot_iq3_s_entries()[bits[2 + run] + high * 256],
        magnitudes: [1, 3, 5, 7, 9, 11, 13, 15], signs: bits[74 + run / 2] >> (run % 2 * 4))
    }
    let start = 66 + run / 8 * 4
    let rest = bits.word(start) | bits.word(start + 2) << 16
    return Run(
      factor: bits.half(0) * (0.5 + Float(rest >> 28)) * 0.5,
      entry: ingot_iq3_xxs_entries()[bits[2 + run]], magnitudes: [4, 12, 20, 28, 36, 44, 52, 62],
      signs: evenSigns(rest >> (7 * (run % 8 / 2)) & 127) >> (run % 2 * 4))
  }

  private static func gridValue(_ index: Int, of bits: BlockBits, _ run: Run) -> Float {
    let isShort = run.magnitudes.count > 4
    let place = isShort ? index % 4 : index % 8
    let magnitude = run.magnitudes[Int(run.entry) >> (place * (isShort ? 4 : 2)) & (isShort ? 7 : 3)]
    return run.signs >> place & 1 == 1 ? -(run.factor * magnitude) : run.factor * magnitude
  }

  private static func ternaryGridValue(_ index: Int, of bits: BlockBits) -> Float {
    let high = bits.word(34 + index / 32 * 2)
    let place = bits[2 + index / 8] + (high >> (index % 32 / 8 * 3) & 7) * 256
    return bits.half(0) * Float(2 * (high >> 12 & 7) + 1) * ternary(index, place, isMinus: high >> 15 == 1)
  }

  private static func splitScaleValue(_ index: Int, of bits: BlockBits) -> Float {
    // The block's scale is in the high nibbles of four words, the lowest first.
    let code = (0..<4).reduce(0) { $0 | (bits.word(48 + $1 * 2) >> 12) << (4 * $1) }
    let scale = bits.word(48 + index / 64 * 2) >> (index / 16 % 4 * 3) & 7
    let high = bits[32 + index / 16] >> (index % 16 / 8 * 4) & 15
    let block = Float(decode(bits: UInt32(code), format: .f16))
    return block * Float(2 * scale + 1)
      * ternary(index, bits[index / 8] + (high & 7) * 256, isMinus: high >> 3 == 1)
  }

  /// A value of the grid of -1, 0 and 1, moved by an eighth.
  private static func ternary(_ index: Int, _ place: Int, isMinus: Bool) -> Float {
    let entry = Int(ingot_iq1_s_entries()[place])
    return Float(entry >> (index % 8 * 2) & 3 - 1) + (isMinus ? -0.125 : 0.125)
  }

  /// Seven signs of a file, and one that makes the number of minus signs even.
  private static func evenSigns(_ index: Int) -> Int {
    index | (index.nonzeroBitCount % 2) << 7
  }
}
