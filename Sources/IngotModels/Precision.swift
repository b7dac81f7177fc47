// SPDX-License-Identifier: Apache-2.0
// In which arithmetic a model's weights are computed with.
import IngotCore

/// The arithmetic that a model is run in.
public enum Precision: String, CaseIterable, Hashable, Sendable {
  /// Each weight in its stored type, activations in fp32.
  case auto
  /// float64 throughout, over the exact values of the weights.
  case reference
  /// The same as `auto` for all weight types there are: fp32 activations.
  case fp32
  /// Weights and activations rounded to bf16 at each product, sums in fp32.
  case bf16
  /// Int8 weights with activations quantized to int8 token by token; weights of other types as in `fp32`.
  case w8a8
}

extension Model {
  /// Throws where an arithmetic has no effect: quantized activations meet int8 weights alone.
  ///
  /// - Parameters:
  ///   - precision: the arithmetic.
  ///   - models: the models that are computed with.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)``.
  package static func requireUse(of precision: Precision, in models: [Model]) throws(IngotError) {
    guard precision == .w8a8,
      !models.contains(where: { $0.checkpoint.tensors.contains(where: \.isSummedAsIntegers) })
    else { return }
    throw .invalidRequest(
      option: .precision,
      why:
        "w8a8 quantizes activations where weights are int8 with a scale an output channel, or one, and none is"
    )
  }
}

extension TensorDescriptor {
  /// Whether products can sum its integers, and scale the sums: int8 with one scale, or one a channel.
  var isSummedAsIntegers: Bool {
    guard dtype == .i8, let quantization, quantization.isSymmetric else { return false }
    return switch quantization.scheme.granularity {
    case .perTensor, .perChannel: true
    case .perGroup, .perBlock, .perRun: false
    }
  }
}
