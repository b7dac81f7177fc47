// SPDX-License-Identifier: Apache-2.0
// The schemes that weights can be quantized by, as options spell them.
import IngotCore

/// A scheme that weights can be quantized by.
public enum QuantizationScheme: String, CaseIterable, Hashable, Sendable {
  /// Symmetric int8, one scale an output channel.
  case int8
  /// Symmetric int8, one scale a tensor.
  case int8Tensor = "int8-tensor"
  /// Symmetric int8, one scale for 16 inputs of an output channel, that of least squared error.
  case int8Group16 = "int8-group:16"
  /// Symmetric int8, one scale for 32 inputs of an output channel, that of least squared error.
  case int8Group32 = "int8-group:32"
  /// Symmetric int8, one scale for 64 inputs of an output channel, that of least squared error.
  case int8Group64 = "int8-group:64"
  /// Symmetric int8, one scale for 128 inputs of an output channel, that of least squared error.
  case int8Group128 = "int8-group:128"
  /// Symmetric int8, one scale an output channel, for products with activations that become int8 token by token; written
  /// for programs whose config says so.
  case int8Activations = "w8a8"
  /// ggml's blocks of 32 values along the last dimension; in llama2.c's files its runs, which it calls so too.
  case q80 = "q8_0"
  /// Left as it is.
  case keep

  /// Inputs of an output channel that share a scale; `nil` for schemes without groups.
  public var groupSize: Int? {
    switch self {
    case .int8Group16: 16
    case .int8Group32: 32
    case .int8Group64: 64
    case .int8Group128: 128
    case .int8, .int8Tensor, .int8Activations, .q80, .keep: nil
    }
  }

  /// How a tensor is coded by it; `nil` when it is left as it is.
  ///
  /// - Parameter outputAxis: the dimension of the output channel; without one the whole tensor shares a scale.
  /// - Returns: the coding.
  public func coding(outputAxis: Int?) -> WeightCoding? {
    switch self {
    case .int8: .integers(Quantization(granularity: channels(outputAxis)))
    case .int8Activations:
      .integers(Quantization(granularity: channels(outputAxis), activations: .dynamicPerToken))
    case .int8Tensor: .integers(Quantization(granularity: .perTensor))
    case .int8Group16, .int8Group32, .int8Group64, .int8Group128:
      .integers(Quantization(granularity: outputAxis.map(groups) ?? .perTensor))
    case .q80: .blocks(.q80)
    case .keep: nil
    }
  }

  private func channels(_ outputAxis: Int?) -> Quantization.Granularity {
    outputAxis.map { .perChannel(axis: $0) } ?? .perTensor
  }

  private func groups(ofOutputAxis axis: Int) -> Quantization.Granularity {
    .perGroup(axis: axis, size: groupSize ?? 1)
  }

  /// How a tensor is coded by it in a file of a program that may have integers in runs under the name of ``q80``.
  ///
  /// - Parameters:
  ///   - outputAxis: the dimension of the output channel.
  ///   - runSize: values that share a scale there; `nil` where the program has none.
  /// - Returns: the coding; `nil` when the tensor is left as it is.
  package func coding(outputAxis: Int?, runSize: Int?) -> WeightCoding? {
    guard self == .q80, let runSize else { return coding(outputAxis: outputAxis) }
    return .integers(Quantization(granularity: .perRun(runSize)))
  }
}

/// How a quantized weight is coded.
public enum WeightCoding: Hashable, Sendable {
  /// Small integers, with scales beside them.
  case integers(Quantization)
  /// ggml's blocks, which hold their scales.
  case blocks(BlockType)

  /// Whether some inputs of an output channel share a scale.
  package var hasGroups: Bool {
    if case .integers(let scheme) = self, case .perGroup = scheme.granularity { true } else { false }
  }

  /// Whether activations become int8 where the weight is multiplied.
  package var quantizesActivations: Bool {
    if case .integers(let scheme) = self { scheme.activations != .none } else { false }
  }

  /// Values that follow each other and share a scale; `nil` for other codings.
  package var runSize: Int? {
    guard case .integers(let scheme) = self, case .perRun(let size) = scheme.granularity else { return nil }
    return size
  }
}
