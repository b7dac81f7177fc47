// SPDX-License-Identifier: Apache-2.0
// Tensors that other programs keep packed: several stored arrays, and a description of how numbers are made of them.
// The description is data; IngotTransforms does the arithmetic, IngotFormats knows which arrays belong together.

/// Stored arrays that stand for the numbers of one tensor, by a scheme of another program.
package struct Packing: Hashable, Sendable {
  /// The scheme's name in reports: `GPTQ 4-bit`.
  package let scheme: String
  /// The stored arrays, that of the codes first.
  package let parts: [PartType]
  /// How numbers are made of them; `nil` where only headers have been read.
  package let values: PackedValues?

  /// Makes a description.
  package init(scheme: String, parts: [PartType], values: PackedValues?) {
    self.scheme = scheme
    self.parts = parts
    self.values = values
  }
}

/// How numbers are made of stored arrays: a small expression, every step of which gives F32 numbers of a known shape.
package indirect enum PackedValues: Hashable, Sendable {
  /// The numbers of a part.
  case part(Int)
  /// The codes of a part, looked up in a table; of this shape.
  case codes(part: Int, CodeLayout, Shape)
  /// Values, less the zero points where there are any, times their scales, by blocks.
  case scaled(PackedValues, scales: PackedValues, zeroPoints: PackedValues?, Quantization)
  /// Values with a number added to each.
  case shifted(PackedValues, by: Float)
  /// Of a matrix, for each index the row (axis 0) or column (axis 1) of that number.
  case gathered(PackedValues, indexes: [Int32], axis: Int)
  /// The same numbers under another shape.
  case reshaped(PackedValues, Shape)
  /// The last two dimensions exchanged, of two or three.
  case transposed(PackedValues)
}

/// How small codes lie in stored bytes, and what each stands for.
package struct CodeLayout: Hashable, Sendable {
  /// Bits of a code, 1 to 8.
  package let bits: Int
  /// Whether codes run down the columns of a matrix of 32-bit words; else along rows of bytes.
  ///
  /// Either way a row or column is one run of bits, the lowest of each byte or word first.
  package let runsDown: Bool
  /// For each code of a group its place in the run of bits; empty when they lie in order.
  ///
  /// Only along rows.
  package let lanes: [Int]
  /// What each code stands for; 2 to the power of `bits` numbers.
  package let table: [Float]

  /// Makes a layout.
  ///
  /// - Parameters:
  ///   - bits: of a code.
  ///   - runsDown: whether codes run down columns of words.
  ///   - lanes: places within a group, when codes do not lie in order.
  ///   - table: what each code stands for.
  package init(bits: Int, runsDown: Bool = false, lanes: [Int] = [], table: [Float]) {
    self.bits = bits
    self.runsDown = runsDown
    self.lanes = lanes
    self.table = table
  }

  /// Codes that are integers, counted from a number on.
  package init(integersOf bits: Int, from first: Int = 0, runsDown: Bool = false, lanes: [Int] = []) {
    self.init(
      bits: bits, runsDown: runsDown, lanes: lanes, table: (0..<(1 << bits)).map { Float($0 + first) })
  }

  /// The floats of one sign, two exponent bits and one fraction bit.
  package static let fourBitFloats: [Float] = [
    0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6,
  ]

  /// The powers of two that a byte of exponent stands for, and NaN for its last code.
  package static let powersOfTwo: [Float] = (0..<256).map {
    $0 == 255 ? .nan : Float(sign: .plus, exponent: $0 - 127, significand: 1)
  }
}
