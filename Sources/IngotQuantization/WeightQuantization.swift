// SPDX-License-Identifier: Apache-2.0
// The pass over the graph that decides which weights become int8, and along which axis their scales run.
// Reading weights and writing them is IngotKit's.
import IngotCore
import IngotGraph

/// Decides for every parameter of a graph how it is quantized.
public struct WeightQuantization: Sendable {
  private let decide: @Sendable (GraphParameter) -> QuantizationScheme

  /// Makes a pass.
  ///
  /// - Parameter scheme: the scheme of a parameter that can be quantized.
  public init(_ scheme: @escaping @Sendable (GraphParameter) -> QuantizationScheme) {
    decide = scheme
  }

  /// The schemes of all parameters that are quantized: linear weights and the token embedding, with the tied head.
  ///
  /// Positions, norms and biases keep their type.
  ///
  /// - Parameter graph: the model.
  /// - Returns: schemes by role; roles that keep their type are not in it.
  public func schemes(for graph: ModelGraph) -> [TensorRole: Quantization] {
    var schemes: [TensorRole: Quantization] = [:]
    for parameter in graph.parameters where parameter.isQuantizable {
      schemes[parameter.role] = decide(parameter).quantization(outputAxis: parameter.outputAxis)
    }
    return schemes
  }
}
