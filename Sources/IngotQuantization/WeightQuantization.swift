// SPDX-License-Identifier: Apache-2.0
// The pass over the graph that decides which weights are quantized, how, and along which axis their scales run.
// Writing them is IngotModels'.
import IngotCore
import IngotGraph

/// Decides for every parameter of a graph how it is quantized.
package struct WeightQuantization: Sendable {
  private let decide: @Sendable (GraphParameter) -> QuantizationScheme
  private let runSize: Int?

  /// Makes a pass.
  ///
  /// - Parameters:
  ///   - runSize: values that share a scale where the output's program has integers in runs; `nil` where it has none.
  ///   - scheme: the scheme of a parameter that can be quantized.
  package init(runSize: Int? = nil, _ scheme: @escaping @Sendable (GraphParameter) -> QuantizationScheme) {
    decide = scheme
    self.runSize = runSize
  }

  /// The codings of all parameters that are quantized: linear weights and the token embedding, with the tied head.
  ///
  /// Positions, norms and biases keep their type, as they do in llama.cpp's quantizer.
  ///
  /// - Parameter graph: the model.
  /// - Returns: codings by role; roles that keep their type are not in it.
  package func codings(for graph: ModelGraph) -> [TensorRole: WeightCoding] {
    var codings: [TensorRole: WeightCoding] = [:]
    for parameter in graph.parameters where parameter.isQuantizable {
      codings[parameter.role] = decide(parameter).coding(
        outputAxis: parameter.outputAxis, runSize: runSize)
    }
    return codings
  }
}
