// SPDX-License-Identifier: Apache-2.0
// The shape rule of each operator: what comes out for what goes in, or what is wrong.
import IngotCore

/// Why an operator can't take its inputs or parameters.
public struct ShapeConflict: Error, Hashable, Sendable {
  /// What there is.
  public var found: Evidence
  /// What the operator takes.
  public var expected: Evidence
}

/// Shape rules.
public enum ShapeInference {
  /// The type of an operator's output.
  ///
  /// - Parameters:
  ///   - node: the operator with its attributes.
  ///   - inputs: the types of its inputs, in order.
  ///   - parameters: the shapes of its parameters, in order.
  /// - Returns: the output's type.
  /// - Throws: ``ShapeConflict`` for inputs or parameters that do not fit.
  public static func output(
    of node: Operator, inputs: [EdgeType], parameters: [Shape]
  ) throws(ShapeConflict) -> EdgeType {
    switch node {
    case .embedding: return try embedding(inputs, parameters)
    case .add: return try add(inputs)
    case .layerNorm: return try layerNorm(inputs, parameters)
    case .linear(let layout, let hasBias): return try linear(inputs, parameters, layout, hasBias: hasBias)
    case .attention(let attributes): return try attention(inputs, attributes)
    case .activation:
      try expectCount(inputs, 1)
      return inputs[0]
    }
  }

  private static func expectCount(_ inputs: [EdgeType], _ count: Int) throws(ShapeConflict) {
    guard inputs.count == count else {
      throw ShapeConflict(found: "\(inputs.count, "input")", expected: "\(count)")
    }
  }

  private static func width(of input: EdgeType) throws(ShapeConflict) -> Int {
    guard input.element == .activations, let width = input.width else {
      throw ShapeConflict(found: "\(words: input.description)", expected: "activations of a known width")
    }
    return width
  }

  private static func expect(_ shape: Shape?, _ expected: Shape) throws(ShapeConflict) {
    guard let shape else { throw ShapeConflict(found: "no parameter", expected: "\(expected)") }
    guard shape == expected else { throw ShapeConflict(found: "\(shape)", expected: "\(expected)") }
  }

  private static func embedding(_ inputs: [EdgeType], _ parameters: [Shape]) throws(ShapeConflict) -> EdgeType
  {
    try expectCount(inputs, 1)
    guard inputs[0].element == .ids else {
      throw ShapeConflict(found: "\(words: inputs[0].description)", expected: "ids")
    }
    guard let table = parameters.first, table.rank == 2 else {
      throw ShapeConflict(found: "no table", expected: "rows × width")
    }
    return EdgeType(.activations, inputs[0].dimensions + [.fixed(table.dimensions[1])])
  }

  private static func add(_ inputs: [EdgeType]) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 2)
    guard inputs[0] == inputs[1] else {
      throw ShapeConflict(
        found: "\(words: inputs[1].description)", expected: "\(words: inputs[0].description)")
    }
    return inputs[0]
  }

  private static func layerNorm(_ inputs: [EdgeType], _ parameters: [Shape]) throws(ShapeConflict) -> EdgeType
  {
    try expectCount(inputs, 1)
    let width = try width(of: inputs[0])
    try expect(parameters.first, [width])
    try expect(parameters.dropFirst().first, [width])
    return inputs[0]
  }

  private static func linear(
    _ inputs: [EdgeType], _ parameters: [Shape], _ layout: WeightLayout, hasBias: Bool
  ) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 1)
    let width = try width(of: inputs[0])
    guard let weight = parameters.first, weight.rank == 2 else {
      throw ShapeConflict(found: "no weight", expected: "a matrix")
    }
    let (input, output) =
      layout == .inOut
      ? (weight.dimensions[0], weight.dimensions[1]) : (weight.dimensions[1], weight.dimensions[0])
    guard input == width else {
      throw ShapeConflict(found: "a weight for \(input, "input")", expected: "\(width)")
    }
    if hasBias { try expect(parameters.dropFirst().first, [output]) }
    return EdgeType(.activations, inputs[0].dimensions.dropLast() + [.fixed(output)])
  }

  private static func attention(
    _ inputs: [EdgeType], _ attributes: AttentionAttributes
  ) throws(ShapeConflict) -> EdgeType {
    try expectCount(inputs, 3)
    let width = attributes.headCount * attributes.headDimension
    guard try self.width(of: inputs[0]) == 3 * width else {
      throw ShapeConflict(
        found: "\(words: inputs[0].description)",
        expected: "three times \(attributes.headCount, "head") of \(attributes.headDimension)")
    }
    guard inputs[1].element == .mask, inputs[2].element == .cache else {
      throw ShapeConflict(found: "other inputs", expected: "a mask and a cache")
    }
    return EdgeType(.activations, inputs[0].dimensions.dropLast() + [.fixed(width)])
  }
}
