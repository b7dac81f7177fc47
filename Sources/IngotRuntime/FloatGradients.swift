// SPDX-License-Identifier: Apache-2.0
// The backward pass with f32 activations and gradients: the forward pass of every node as the executor has it, then node by
// node from the objective back, products by the kernels of products. No model and no operator is named here.
import IngotCore
import IngotGraph
import IngotKernels

extension Float32Executor {
  /// Differentiates the model.
  ///
  /// All activations of the run are in memory at once, and the gradients of the parameters, as many as there are
  /// parameters, all in fp32: a run is one window of tokens. Activations are those of the executor's arithmetic; gradients
  /// pass through weights in their stored type whatever it is.
  ///
  /// - Parameter request: tokens, what is differentiated, and with respect to what.
  /// - Returns: the objective's value with the gradients.
  /// - Throws: as ``run(_:cache:)``; ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for an objective that the model does not
  ///   have, and ``IngotCore/IngotError/unsupported(_:at:)`` for an operator without a gradient.
  package func gradients(_ request: GradientRequest) throws(IngotError) -> LossGradients<Float> {
    let plan = try GradientPlan(graph, request)
    let run = try inputs.values(of: request.run, past: 0)
    try request.objective.requireFit(graph, shape: run.shape(of: graph.edges[plan.output.index]))
    let kept = try activations(of: plan, request.run)
    return try plan.gradients(of: graph, request.objective, run: run, activations: kept) {
      node, operation, kept, output, sums in
      operation.addGradients(step(of: node, kept, run: run), of: output, to: &sums)
    }
  }

  /// What every node of a plan gives.
  private func activations(of plan: GradientPlan, _ request: RunRequest) throws(IngotError) -> [EdgeID:
    [Float]]
  {
    var request = request
    request.wanted = Set(plan.nodes.map { graph.nodes[$0].name })
    request.lastLogitsOnly = false
    var outputs = try run(request)
    var kept: [EdgeID: [Float]] = [:]
    for index in plan.nodes {
      kept[graph.nodes[index].output] = outputs.removeValue(forKey: graph.nodes[index].name)?.values
    }
    return kept
  }

  private func step(of node: GraphNode, _ live: [EdgeID: [Float]], run: RunInputs) -> FloatGradientStep {
    let integers = graph.inputs(of: node, .ids).map(\.index)
    return FloatGradientStep(
      inputs: graph.inputs(of: node, .activations).map { live[$0] ?? [] },
      integers: integers.map { run.integers[$0] ?? [] }, greatest: integers.map { run.greatest[$0] ?? 0 },
      parameters: node.parameters, run: run.extent, weights: weights, turned: turnedWeights, means: means)
  }
}

/// What an operator's gradients are computed with in fp32.
struct FloatGradientStep {
  /// The inputs that are activations, in the operator's order, row-major.
  let inputs: [[Float]]
  /// The inputs that are integers, in the operator's order.
  let integers: [[Int]]
  /// The greatest of each, of all rows.
  let greatest: [Int]
  /// The parameters in the operator's order.
  let parameters: [TensorRole]
  /// B, T and the mask.
  let run: RunExtent
  let weights: WeightBank
  /// Linear weights the other way round.
  let turned: WeightBank
  let means: FloatMeans

  /// The same in float64.
  var exact: ReferenceStep {
    ReferenceStep(
      inputs: inputs.map { $0.map(Double.init) }, integers: integers, greatest: greatest,
      parameters: parameters.map(weights.exact), run: run, cache: nil)
  }

  /// Multiplies rows by a parameter that is a linear weight, as the run does.
  ///
  /// - Parameters:
  ///   - x: `[rows, K]`.
  ///   - index: which parameter.
  ///   - layout: how it is stored.
  ///   - hasBias: whether a bias follows it.
  /// - Returns: `[rows, N]`.
  func product(_ x: [Float], by index: Int, _ layout: WeightLayout, hasBias: Bool) -> [Float] {
    let bias = hasBias ? weights.vector(parameters[index + 1]) : nil
    return multiply(x, by: weights.linear(parameters[index], layout), end: ProductEnd(bias: bias))
  }

  /// Adds the gradients of such a product with respect to weight and bias, products by kernels, a bias's sums in float64.
  ///
  /// - Parameters:
  ///   - x: `[rows, K]`.
  ///   - output: the gradient with respect to the product, `[rows, N]`.
  ///   - index: which parameter.
  ///   - layout: how it is stored.
  ///   - hasBias: whether a bias follows it.
  ///   - sums: what is added to.
  /// - Returns: the gradient with respect to x: `g · wᵀ`.
  func addProductGradients(
    _ x: [Float], of output: [Float], by index: Int, _ layout: WeightLayout, hasBias: Bool,
    to sums: inout NodeGradients<Float>
  ) -> [Float] {
    let turned = turned.linear(parameters[index], layout.transposed)
    if let columnCount = turned?.depth, columnCount > 0, sums.wantsParameters {
      let rowCount = output.count / columnCount
      let (a, b) = layout == .inOut ? (x, output) : (output, x)
      addProduct(a, b, rowCount: rowCount, to: &sums.parameters[index])
      if hasBias {
        var bias = [Double](repeating: 0, count: columnCount)
        for row in 0..<rowCount {
          for column in 0..<columnCount { bias[column] += Double(output[row * columnCount + column]) }
        }
        sums.add(bias.map { Float($0) }, toParameter: index + 1)
      }
    }
    return multiply(output, by: turned, end: ProductEnd())
  }

  private func multiply(_ x: [Float], by weight: LinearWeight?, end: ProductEnd) -> [Float] {
    guard let weight, weight.depth > 0 else { return [] }
    let rowCount = x.count / weight.depth
    let count = rowCount * weight.columnCount
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      x.withUnsafeBufferPointer { x in
        guard let source = x.baseAddress, let target = buffer.baseAddress else { return }
        weight.multiply(source, rowCount: rowCount, end: end, into: target, with: means.products)
        initialized = count
      }
    }
  }

  /// Adds `aᵀ · b`, by the kernels of products.
  ///
  /// - Parameters:
  ///   - a: `[rows, A]`.
  ///   - b: `[rows, B]`.
  ///   - rowCount: the rows.
  ///   - sums: what is added to, `[A, B]`.
  private func addProduct(_ a: [Float], _ b: [Float], rowCount: Int, to sums: inout [Float]) {
    guard rowCount > 0 else { return }
    let (rows, columns) = (a.count / rowCount, b.count / rowCount)
    precondition(sums.count == rows * columns && a.count == rows * rowCount && b.count == columns * rowCount)
    let width = MemoryLayout<Float>.size
    let turned = AlignedBuffer(uninitializedByteCount: a.count * width)
    a.withUnsafeBytes { a in
      guard let start = a.baseAddress else { return }
      MatrixTransposition(elementWidth: width, kernels: means.kernels).transpose(
        rows: rowCount, columns: rows, from: start, sourceStride: rows * width, to: turned.start,
        targetStride: rowCount * width)
    }
    b.withUnsafeBytes { b in
      sums.withUnsafeMutableBufferPointer { sums in
        guard let start = b.baseAddress, let target = sums.baseAddress else { return }
        MatrixProduct(rowCount: rows, columnCount: columns, depth: rowCount).multiply(
          FloatRows(turned.pointer(as: Float.self), stride: rowCount),
          by: WeightMatrix(bytes: start, element: .f32, layout: .inOut, rowStride: columns),
          end: ProductEnd(residual: UnsafePointer(target)), into: MutableFloatRows(target, stride: columns),
          with: means.products)
      }
    }
  }
}
