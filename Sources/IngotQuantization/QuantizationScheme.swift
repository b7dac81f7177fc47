// SPDX-License-Identifier: Apache-2.0
// The schemes that weights can be quantized by, as options spell them.
import IngotCore

/// A scheme that weights can be quantized by.
public enum QuantizationScheme: String, CaseIterable, Hashable, Sendable {
  /// Symmetric int8, one scale an output channel.
  case int8
  /// Symmetric int8, one scale a tensor.
  case int8Tensor = "int8-tensor"
  /// Left as it is.
  case keep

  /// The description of a tensor quantized so; `nil` when it is left as it is.
  ///
  /// - Parameter outputAxis: the dimension of the output channel; without one the whole tensor shares a scale.
  /// - Returns: the description.
  public func quantization(outputAxis: Int?) -> Quantization? {
    switch self {
    case .int8: Quantization(granularity: outputAxis.map { .perChannel(axis: $0) } ?? .perTensor)
    case .int8Tensor: Quantization(granularity: .perTensor)
    case .keep: nil
    }
  }
}
