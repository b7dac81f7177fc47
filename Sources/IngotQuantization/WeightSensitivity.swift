// SPDX-License-Identifier: Apache-2.0
// What quantizing one weight costs a model, by scheme: measured for one, and for the others as much more or less as their
// rounding moves what the weight's product gives.
import IngotCore

/// How far a model is from itself with one of its weights quantized, by scheme.
public struct WeightSensitivity: Hashable, Sendable {
  /// The tensor's name.
  public var name: String
  /// Its values.
  public var elementCount: Int
  /// Its outputs, which have a scale each where there are no groups.
  public var outputCount: Int
  /// Its bytes as it is.
  public var storedByteCount: Int
  /// The mean divergence in nats a token, by scheme: those that fit the tensor.
  public var divergences: [QuantizationScheme: Double]

  /// Puts one together.
  package init(
    name: String, elementCount: Int, outputCount: Int, storedByteCount: Int,
    divergences: [QuantizationScheme: Double]
  ) {
    (self.name, self.elementCount, self.outputCount) = (name, elementCount, outputCount)
    (self.storedByteCount, self.divergences) = (storedByteCount, divergences)
  }

  /// The bytes of its values and scales by a scheme.
  ///
  /// - Parameters:
  ///   - scheme: the scheme.
  ///   - scaleWidth: bytes of a group's scale.
  /// - Returns: the bytes; `nil` where they can't be counted.
  public func byteCount(_ scheme: QuantizationScheme, scaleWidth: Int = 2) -> Int? {
    switch scheme {
    case .keep: return storedByteCount
    case .int8, .int8Activations: return outputCount.checkedMultiply(4)?.checkedAdd(elementCount)
    case .int8Tensor: return elementCount.checkedAdd(4)
    case .q80:
      let (size, width) = (BlockType.q80.elementCount, BlockType.q80.byteCount)
      return elementCount.dividedUp(by: size).checkedMultiply(width)
    case .int8Group16, .int8Group32, .int8Group64, .int8Group128:
      guard let size = scheme.groupSize else { return nil }
      return elementCount.dividedUp(by: size).checkedMultiply(scaleWidth)?.checkedAdd(elementCount)
    }
  }

  /// What it costs by the scheme that costs most of those that are known.
  public var largest: Double { divergences.values.reduce(0) { $0.orLarger($1) } }
}
