// SPDX-License-Identifier: Apache-2.0
// Which dimension of a weight, as a quantization writes it, counts outputs: the other one counts inputs.
import IngotCore
import IngotModels
import IngotOutput

/// Finds the dimension of output channels of written matrices.
struct OutputAxis {
  /// By name of the tensor; `nil` where all matrices are `[N, K]`.
  private let axes: [String: Int]?

  /// Of matrices that are all `[N, K]`: those of programs that int8 is written for, and of models that are not known.
  init() { axes = nil }

  /// Looks at a model whose tensors are written under their names, in their layouts.
  ///
  /// - Parameter model: the model that is quantized.
  init(of model: Model) {
    var axes: [String: Int] = [:]
    let recognised = model.recognised
    for parameter in recognised.graph.parameters {
      guard let axis = parameter.outputAxis, let index = recognised.tensors[parameter.role] else { continue }
      axes[model.checkpoint.tensors[index].name] = axis
    }
    self.axes = axes
  }

  /// The dimension, 0 or 1, of the output channels of a matrix, without dimensions of 1 before it; `nil` where that is not
  /// known.
  func callAsFunction(_ name: String) -> Int? { axes == nil ? 0 : axes?[name] }
}
