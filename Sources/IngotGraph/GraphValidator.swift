// SPDX-License-Identifier: Apache-2.0
// Holds tensors against a graph and reports everything that is wrong, in a stable order: nothing downstream defends
// itself again.
import IngotCore

/// A tensor that stands for a parameter.
package struct BoundTensor: Hashable, Sendable {
  /// The name it has in the checkpoint.
  package var name: String
  /// Its element type.
  package var dtype: DType
  /// Its dimensions.
  package var shape: Shape
  /// Whether scales say what its elements stand for.
  package var hasScales: Bool
  /// Whether its elements are codes of a scheme, which says what numbers they stand for.
  package var isPacked: Bool

  /// Makes a tensor.
  package init(name: String, dtype: DType, shape: Shape, hasScales: Bool = false, isPacked: Bool = false) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.hasScales = hasScales
    self.isPacked = isPacked
  }
}

/// Holds tensors against a graph.
package struct GraphValidator: Sendable {
  private let graph: ModelGraph
  /// Names that missing parameters would have.
  private let name: @Sendable (TensorRole) -> String
  private let stored: @Sendable (GraphParameter) -> GraphParameter
  private let mayBeAbsent: Set<TensorRole>
  /// The first node that uses each parameter.
  private let nodes: [TensorRole: String]

  /// Makes a validator.
  ///
  /// - Parameters:
  ///   - graph: what is needed.
  ///   - name: the published name of a role, for what is missing.
  ///   - stored: the shape in which a parameter is stored, where that is another.
  ///   - mayBeAbsent: parameters that need not be there.
  package init(
    _ graph: ModelGraph, name: @escaping @Sendable (TensorRole) -> String,
    stored: @escaping @Sendable (GraphParameter) -> GraphParameter = { $0 }, mayBeAbsent: Set<TensorRole> = []
  ) {
    self.graph = graph
    self.name = name
    self.stored = stored
    self.mayBeAbsent = mayBeAbsent
    let uses = graph.nodes.lazy.flatMap { node in node.parameters.lazy.map { ($0, node.name) } }
    nodes = Dictionary(uses) { first, _ in first }
  }

  /// Everything that is wrong.
  ///
  /// - Parameters:
  ///   - tensors: the tensors there are, by role.
  ///   - unexpected: names of tensors that stand for nothing.
  /// - Returns: findings: the graph's own first, then parameters in the graph's order, then what is left over.
  package func findings(for tensors: [TensorRole: BoundTensor], unexpected: [String]) -> [Finding] {
    graph.conflicts.map { conflict in
      Finding(
        .graph, severity: .error, subject: conflict.node, node: conflict.node,
        detail: "takes \(conflict.conflict.expected), and gets \(conflict.conflict.found)")
    }
      + graph.parameters.flatMap { findings(for: $0, tensors[$0.role]) }
      + unexpected.map {
        Finding(.unexpected, severity: .error, subject: $0, detail: "belongs to no part of the model")
      }
  }

  private func findings(for parameter: GraphParameter, _ tensor: BoundTensor?) -> [Finding] {
    let node = nodes[parameter.role]
    guard let tensor else {
      guard !mayBeAbsent.contains(parameter.role) else { return [] }
      return [
        Finding(.missing, severity: .error, subject: name(parameter.role), node: node, detail: "is missing")
      ]
    }
    var findings: [Finding] = []
    let parameter = stored(parameter)
    if tensor.shape != parameter.shape {
      let reason = parameter.dimensionNames.joined(separator: " × ")
      findings.append(
        Finding(
          .wrongShape, severity: .error, subject: tensor.name, node: node,
          detail: "is \(tensor.shape), expected \(parameter.shape) (\(words: reason))"))
    }
    if let why = Self.reasonForNoWeight(tensor) {
      findings.append(
        Finding(.wrongDType, severity: .error, subject: tensor.name, node: node, detail: why))
    }
    return findings
  }

  /// Why a tensor is no weight; `nil` for what stands for real numbers.
  private static func reasonForNoWeight(_ tensor: BoundTensor) -> Evidence? {
    if tensor.isPacked { return nil }
    return switch tensor.dtype {
    case .f64, .f32, .f16, .bf16, .f8E4M3, .f8E5M2: nil
    case .i8: tensor.hasScales ? nil : "is I8 without scales: integers alone are not weights"
    default: "is \(tensor.dtype), which no weight is"
    }
  }
}
