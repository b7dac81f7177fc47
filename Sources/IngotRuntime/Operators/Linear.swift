// SPDX-License-Identifier: Apache-2.0
// A matrix product with a weight, in float64, and with f32 activations and whatever ends it in the same step.
import IngotCore
import IngotGraph
import IngotKernels

extension Linear: ReferenceOperator {
  func values(_ step: ReferenceStep) -> [Double] {
    let (shape, weight) = step.parameters[0]
    guard shape.rank == 2 else { return [] }
    let isInOut = weightLayout == .inOut
    return ReferenceKernels.product(
      step.inputs[0], by: weight, layout: weightLayout,
      bias: hasBias ? step.parameters[1].values : [], depth: shape.dimensions[isInOut ? 0 : 1],
      columnCount: shape.dimensions[isInOut ? 1 : 0])
  }
}

extension Linear: FloatOperator {
  func compute(_ step: FloatStep) {
    var end = ProductEnd(bias: hasBias ? step.vector(1) : nil, activation: step.ending.activation)
    end.accuracy = step.means.accuracy
    if let residual = step.ending.residualInput { end.residual = UnsafePointer(step.input(residual)) }
    step.multiply(
      step.input(0), rowCount: step.rowCount, by: 0, weightLayout, end: end, into: step.output)
  }
}
