// SPDX-License-Identifier: Apache-2.0
// A tensor in memory, to be written to any format.
import IngotCore
import IngotKernels

/// A tensor in memory.
public struct Tensor: Hashable, Sendable {
  /// Its name.
  public let name: String
  /// The type of its elements.
  public let dtype: DType
  /// Its dimensions.
  public let shape: Shape
  /// Its elements: little-endian, in C order.
  public let bytes: [UInt8]

  /// Makes a tensor of bytes.
  ///
  /// - Parameters:
  ///   - name: its name.
  ///   - dtype: the type of its elements.
  ///   - shape: its dimensions.
  ///   - bytes: its elements: little-endian, in C order.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for dimensions that are negative or too large, or that
  ///   need another number of bytes.
  public init(_ name: String, _ dtype: DType, shape: [Int], bytes: [UInt8]) throws(IngotError) {
    guard let shape = Shape(shape), shape.byteCount(of: dtype) == bytes.count else {
      throw .unsuitable(
        Location("memory", tensor: name),
        why: "has \(bytes.count, "byte"), and not those of \(words: "\(shape)") elements of \(dtype)",
        hint: nil)
    }
    (self.name, self.dtype, self.shape, self.bytes) = (name, dtype, shape, bytes)
  }

  /// Makes a tensor of numbers.
  ///
  /// - Parameters:
  ///   - name: its name.
  ///   - shape: its dimensions.
  ///   - values: its elements, in C order.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for dimensions that need another number of elements.
  public init(_ name: String, shape: [Int], values: [some TensorNumber]) throws(IngotError) {
    let bytes = values.withUnsafeBytes { Array($0) }
    try self.init(name, Swift.type(of: values).Element.tensorDType, shape: shape, bytes: bytes)
  }
}
