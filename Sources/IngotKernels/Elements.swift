// SPDX-License-Identifier: Apache-2.0
// Elements in memory together with their type: what every computation with streamed values is handed, so that a size
// counted for one type can't meet bytes of another. Nothing outside this target looks at bytes as numbers by itself.
import IngotCore

/// Consecutive elements of one type.
package struct Elements {
  /// What the bytes are.
  package let type: ElementType
  /// The elements, little-endian; any alignment.
  ///
  /// SAFETY: valid as long as what lent them says, which is the call that hands them over.
  package let bytes: UnsafeRawBufferPointer

  /// Names the type of bytes at hand.
  package init(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) {
    self.bytes = bytes
    self.type = type
  }

  /// How many there are.
  package var count: Int { bytes.count * 8 / type.bitWidth }

  /// The elements as floats.
  ///
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for elements of another type.
  package func floats() throws(IngotError) -> UnsafeBufferPointer<Float> { try numbers(.f32, as: Float.self) }

  /// The elements as doubles.
  ///
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for elements of another type.
  package func doubles() throws(IngotError) -> UnsafeBufferPointer<Double> {
    try numbers(.f64, as: Double.self)
  }

  /// The index of the first NaN or infinity; `nil` when there is none, and for elements that are no real numbers.
  package var firstNonFinite: Int? {
    guard case .number(let dtype) = type, ElementStatistics.supports(dtype), let start = bytes.baseAddress
    else {
      return nil
    }
    return (0..<count).first { !ReferenceKernels.decode(start, at: $0, as: dtype).isFinite }
  }

  private func numbers<Number: BitwiseCopyable>(
    _ dtype: DType, as number: Number.Type
  ) throws(IngotError) -> UnsafeBufferPointer<Number> {
    try require(.number(dtype))
    guard let start = bytes.baseAddress else { return UnsafeBufferPointer(start: nil, count: 0) }
    guard UInt(bitPattern: start).isMultiple(of: UInt(MemoryLayout<Number>.alignment)) else {
      throw .internal("\(dtype) elements that are not aligned")
    }
    // SAFETY: the bytes are numbers of this type, aligned, and as many as fit.
    return UnsafeBufferPointer(start: start.assumingMemoryBound(to: number), count: count)
  }

  /// Throws for elements of another type, and for a piece of one behind the last.
  func require(_ wanted: ElementType) throws(IngotError) {
    guard type == wanted else {
      throw .internal(
        "\(words: type.description) elements where \(words: wanted.description) is computed with")
    }
    guard bytes.count * 8 == count * type.bitWidth else {
      throw .internal("a part of a \(words: type.description) element")
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Throws unless there is room for exactly so many elements of a type.
  func requireRoom(for count: Int, _ type: ElementType) throws(IngotError) {
    guard count.checkedMultiply(type.bitWidth) == self.count * 8 else {
      throw .internal("\(self.count, "byte") for \(count) \(words: type.description) elements")
    }
  }
}
