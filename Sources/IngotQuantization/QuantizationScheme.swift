// SPDX-License-Identifier: Apache-2.0
// The schemes that weights can be quantized by, as options spell them.
import IngotCore

/// A scheme that weights can be quantized by.
public enum QuantizationScheme: String, CaseIterable, Hashable, Sendable {
  /// Symmetric int8, one scale an output channel.
  case int8
  /// Symmetric int8, one scale a tensor.
  case int8Tensor = "int8-tensor"
  /// ggml's blocks of 32 values along the last dimension; in llama2.c's files its runs, which it calls so too.
  case q80 = "q8_0"
  /// Left as it is.
  case keep

  /// How a tensor is coded by it; `nil` when it is left as it is.
  ///
  /// - Parameter outputAxis: the dimension of the output channel; without one the whole tensor shares a scale.
  /// - Returns: the coding.
  public func coding(outputAxis: Int?) -> WeightCoding? {
    switch self {
    case .int8: .integers(Quantization(granularity: outputAxis.map { .perChannel(axis: $0) } ?? .perTensor))
    case .int8Tensor: .integers(Quantization(granularity: .perTensor))
    case .q80: .blocks(.q80)
    case .keep: nil
    }
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

  /// Values that follow each other and share a scale; `nil` for other codings.
  package var runSize: Int? {
    guard case .integers(let scheme) = self, case .perRun(let size) = scheme.granularity else { return nil }
    return size
  }
}
