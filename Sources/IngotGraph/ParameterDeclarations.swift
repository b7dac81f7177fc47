// SPDX-License-Identifier: Apache-2.0
// How builders declare parameters: what each is, once, where it is used.
import IngotCore

/// Declares the parameters of a model.
package struct ParameterDeclarations: Sendable {
  /// A dimension: its size, and what the config calls it.
  package typealias Dimension = (size: Int, name: String)

  /// How linear weights are stored where nothing else is said.
  private let layout: WeightLayout
  /// Kinds that are stored the other way round.
  private let transposed: Set<TensorRole.Kind>

  /// Makes declarations.
  ///
  /// - Parameters:
  ///   - layout: how linear weights are stored by the architecture's own publisher.
  ///   - transposed: kinds of linear weights that are stored the other way round.
  package init(layout: WeightLayout, transposed: Set<TensorRole.Kind>) {
    self.layout = layout
    self.transposed = transposed
  }

  /// The weight of a linear node, `[in, out]` or `[out, in]`.
  ///
  /// - Parameters:
  ///   - kind: what it is for.
  ///   - block: its block.
  ///   - expert: its expert.
  ///   - input: the inputs.
  ///   - output: the outputs.
  ///   - isQuantizable: whether quantizing the weights takes it.
  ///   - initialization: how it starts out.
  /// - Returns: the parameter.
  package func linear(
    _ kind: TensorRole.Kind, _ block: Int? = nil, expert: Int? = nil, from input: Dimension,
    to output: Dimension, isQuantizable: Bool = true, _ initialization: Initialization
  ) -> GraphParameter {
    let isInOut = (layout == .inOut) != transposed.contains(kind)
    return matrix(
      kind, block, isInOut ? input : output, isInOut ? output : input, outputAxis: isInOut ? 1 : 0,
      isLinear: true, isQuantizable: isQuantizable, initialization, expert: expert)
  }

  /// The weight of a small linear node behind the last block, `[out, in]` as torch's `nn.Linear` has it, whatever blocks
  /// have.
  ///
  /// - Parameters:
  ///   - kind: what it is for.
  ///   - input: the inputs.
  ///   - output: the outputs.
  ///   - initialization: how it starts out.
  /// - Returns: the parameter.
  package func head(
    _ kind: TensorRole.Kind, from input: Dimension, to output: Dimension, _ initialization: Initialization
  ) -> GraphParameter {
    matrix(
      kind, nil, output, input, outputAxis: 0, isLinear: true, isQuantizable: true, initialization)
  }

  /// The weight of a linear node, and its bias where it has one; the bias starts as 0.
  package func affine(
    _ weight: TensorRole.Kind, _ bias: TensorRole.Kind, _ block: Int? = nil, expert: Int? = nil,
    from input: Dimension, to output: Dimension, hasBias: Bool = true, isQuantizable: Bool = true,
    _ initialization: Initialization
  ) -> [GraphParameter] {
    let matrix = linear(
      weight, block, expert: expert, from: input, to: output, isQuantizable: isQuantizable, initialization)
    return hasBias ? [matrix, vector(bias, block, expert: expert, output, .constant(0))] : [matrix]
  }

  /// A table with a row a token, position or label.
  ///
  /// - Parameters:
  ///   - kind: what it is for.
  ///   - rows: the rows.
  ///   - width: D.
  ///   - isQuantizable: whether quantizing the weights takes it, row by row.
  ///   - initialization: how it starts out.
  /// - Returns: the parameter.
  package func table(
    _ kind: TensorRole.Kind, rows: Dimension, width: Dimension, isQuantizable: Bool,
    _ initialization: Initialization
  ) -> GraphParameter {
    matrix(
      kind, nil, rows, width, outputAxis: isQuantizable ? 0 : nil, isLinear: false,
      isQuantizable: isQuantizable, initialization)
  }

  /// A vector: a bias, or the gain of a norm.
  package func vector(
    _ kind: TensorRole.Kind, _ block: Int? = nil, expert: Int? = nil, _ count: Dimension,
    _ initialization: Initialization
  ) -> GraphParameter {
    GraphParameter(
      TensorRole(kind, block: block, expert: expert), shape: Shape([count.size]) ?? .scalar,
      dimensionNames: [count.name],
      initialization: initialization)
  }

  /// The gain and the bias of a norm, which start as 1 and 0.
  package func norm(
    _ gain: TensorRole.Kind, _ bias: TensorRole.Kind, _ block: Int? = nil, _ width: Dimension
  ) -> [GraphParameter] {
    [vector(gain, block, width, .constant(1)), vector(bias, block, width, .constant(0))]
  }

  private func matrix(
    _ kind: TensorRole.Kind, _ block: Int?, _ rows: Dimension, _ columns: Dimension, outputAxis: Int?,
    isLinear: Bool, isQuantizable: Bool, _ initialization: Initialization, expert: Int? = nil
  ) -> GraphParameter {
    GraphParameter(
      TensorRole(kind, block: block, expert: expert), shape: Shape([rows.size, columns.size]) ?? .scalar,
      dimensionNames: [rows.name, columns.name], outputAxis: outputAxis, isLinear: isLinear,
      isQuantizable: isQuantizable, initialization: initialization)
  }
}
