// SPDX-License-Identifier: Apache-2.0
// What is wrong with what an operator was given, and the checks that shape rules share.
import IngotCore

/// Why an operator can't take its inputs or parameters.
package struct ShapeConflict: Error, Hashable, Sendable {
  /// What there is.
  package var found: Evidence
  /// What the operator takes.
  package var expected: Evidence
}

extension GraphOperator {
  func expectCount(_ inputs: [EdgeType], _ count: Int) throws(ShapeConflict) {
    guard inputs.count == count else {
      throw ShapeConflict(found: "\(inputs.count, "input")", expected: "\(count)")
    }
  }

  /// The type of the only input.
  func expectOne(_ inputs: [EdgeType]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 1)
    return inputs[0]
  }

  /// The type of two inputs that have to be of one.
  func expectPair(_ inputs: [EdgeType]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 2)
    guard inputs[0] == inputs[1] else {
      throw ShapeConflict(
        found: "\(words: inputs[1].description)", expected: "\(words: inputs[0].description)")
    }
    return inputs[0]
  }

  /// The last dimension of activations.
  func width(of input: EdgeType) throws(ShapeConflict) -> Int {
    guard input.element == .activations, let width = input.width else {
      throw ShapeConflict(found: "\(words: input.description)", expected: "activations of a known width")
    }
    return width
  }

  func expect(_ shape: Shape?, _ expected: Shape) throws(ShapeConflict) {
    guard let shape else { throw ShapeConflict(found: "no parameter", expected: "\(expected)") }
    guard shape == expected else { throw ShapeConflict(found: "\(shape)", expected: "\(expected)") }
  }
}
