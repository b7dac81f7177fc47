// SPDX-License-Identifier: Apache-2.0
// The gradients of a debug state of llm.c, tensor by tensor, against those of a model in any publisher's names: llm.c's
// tensors hold all blocks, have linear weights [out, in], and rows of padding behind the token embedding's.
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotRuntime

/// One of llm.c's tensors, with the gradient that a debug state has of it.
struct FixtureGradient {
  /// What it is compared as: `gradients.wte`.
  let name: String
  /// The parameters that it holds, one after the other.
  let parameters: [GraphParameter]
  /// Numbers of padding behind them, of which nothing depends on any.
  let paddingCount: Int
  /// Where the expected gradient is.
  let stored: TensorDescriptor

  /// A model's gradient as llm.c has it.
  func values(_ gradients: RunGradients) -> [Double] {
    var values: [Double] = []
    values.reserveCapacity(parameters.reduce(paddingCount) { $0 + $1.shape.elementCount })
    for parameter in parameters {
      let found = gradients.values(of: parameter.role)
      let isTurned = parameter.isLinear && parameter.weightLayout == .inOut
      values += isTurned ? found.transposed(columnCount: parameter.shape.dimensions.last ?? 1) : found
    }
    return values + [Double](repeating: 0, count: paddingCount)
  }
}

extension FixtureSet {
  /// The gradients that the file has, tensor by tensor.
  ///
  /// - Parameter graph: the model.
  /// - Returns: those in the file's order; none where it has none, and for a model that is not llm.c's.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for gradients of a model of another size.
  func gradients(of graph: ModelGraph) throws(IngotError) -> [FixtureGradient] {
    guard let (_, whole) = gradients, targets != nil, graph.predictsTokens,
      let dialect = Dialect.named("llmc", architecture: graph.architecture)
    else { return [] }
    let tensors = dialect.parameters.map { kind, _, layout in
      (kind: kind, layout: layout, parameters: graph.parameters.filter { $0.role.kind == kind })
    }
    guard tensors.reduce(0, { $0 + $1.parameters.count }) == graph.parameters.count else { return [] }
    let count = graph.parameters.reduce(0) { $0 + $1.shape.elementCount }
    let paddingCount = whole.shape.elementCount - count
    var place = 0
    var found: [FixtureGradient] = []
    for (kind, layout, parameters) in tensors {
      let width = parameters.first?.shape.dimensions.last ?? 1
      let padding =
        layout.isPadded && paddingCount > 0 && paddingCount.isMultiple(of: width) ? paddingCount : 0
      let end = parameters.reduce(place + padding) { $0 + $1.shape.elementCount }
      guard let name = dialect.name(of: TensorRole(kind), prefix: NamePrefix(inner: "")),
        let stored = LLMCState.part(of: whole, place..<end, named: "\(LLMCState.gradients).\(name)")
      else { break }
      place = end
      found.append(
        FixtureGradient(name: stored.name, parameters: parameters, paddingCount: padding, stored: stored))
    }
    guard place == whole.shape.elementCount, found.count == tensors.count else {
      throw .unsuitable(
        Location(path, tensor: LLMCState.gradients),
        why:
          "has \(whole.shape.elementCount, "number"), and the model \(count, "parameter"), \(paddedCount(graph, dialect)) with its padding",
        hint: nil)
    }
    return found
  }

  /// The numbers of a model's gradients as llm.c writes them, rows of padding included.
  private func paddedCount(_ graph: ModelGraph, _ dialect: Dialect) -> Int {
    let padded = Set(dialect.parameters.filter { $0.2.isPadded }.map(\.0))
    return graph.parameters.reduce(0) { sum, parameter in
      let (rows, count) = (parameter.shape.dimensions.first ?? 1, parameter.shape.elementCount)
      guard padded.contains(parameter.role.kind), rows > 0 else { return sum + count }
      return sum + ParameterLayout.paddedRowCount(rows) * (count / rows)
    }
  }
}

/// A model's gradients in the precision in which they were computed.
enum RunGradients {
  case float(LossGradients<Float>)
  case double(LossGradients<Double>)

  /// The objective's value.
  var loss: Double {
    switch self {
    case .float(let gradients): gradients.loss
    case .double(let gradients): gradients.loss
    }
  }

  /// With respect to a parameter, in the graph's shape.
  func values(of role: TensorRole) -> [Double] {
    switch self {
    case .float(let gradients): gradients.parameters[role]?.values.map(Double.init) ?? []
    case .double(let gradients): gradients.parameters[role]?.values ?? []
    }
  }
}

extension [Double] {
  /// The transpose of a matrix in C order.
  fileprivate func transposed(columnCount: Int) -> [Double] {
    let rowCount = columnCount > 0 ? count / columnCount : 0
    return (0..<columnCount).flatMap { column in (0..<rowCount).map { self[$0 * columnCount + column] } }
  }
}
