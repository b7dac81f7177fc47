// SPDX-License-Identifier: Apache-2.0
// Runs any graph in float64, node by node, by plain loops over the exact values of the weights: the judge of all others,
// kept for ever. It computes only what the wanted outputs need, and keeps an activation only as long as something still
// needs it. No model and no operator is named here.
import IngotCore
import IngotGraph

/// Runs a graph in float64.
package final class ReferenceExecutor {
  /// The graph that is run.
  package let graph: ModelGraph
  private let store: WeightStore
  let inputs: InputCheck
  private var decoded: [TensorRole: [Double]] = [:]

  /// Makes an executor.
  ///
  /// - Parameters:
  ///   - graph: a graph whose parameters the store holds; validated before.
  ///   - store: the weights, of any dtype.
  package init(_ graph: ModelGraph, _ store: WeightStore) {
    self.graph = graph
    self.store = store
    inputs = InputCheck(graph)
  }

  /// Runs the graph.
  ///
  /// - Parameters:
  ///   - request: tokens, and what is wanted.
  ///   - cache: keys and values of earlier runs, extended by this one's; `nil` for a run of its own.
  /// - Returns: each wanted output by name.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for ids outside the vocabulary, positions outside the
  ///   context, a mask of another length, and names that the graph does not have.
  package func run(
    _ request: RunRequest, cache: ReferenceCache? = nil
  ) throws(IngotError) -> [String: RunOutput<Double>] {
    let run = try inputs.values(of: request, past: cache?.tokenCount ?? 0)
    var pass = Pass(graph: graph, targets: try request.targets(in: graph))
    for (index, node) in graph.nodes.enumerated() where pass.needs(index) {
      let takesLast =
        request.lastLogitsOnly && graph.edges[node.output.index].hasTokens && graph.isLogits(node)
      let values = try compute(node, pass: pass, run: run, takesLast: takesLast, cache: cache)
      pass.finish(
        index, values, shape: run.shape(of: graph.edges[node.output.index], tokenCount: takesLast ? 1 : nil))
    }
    cache?.advance(by: request.tokenCount)
    return pass.results
  }

  private func compute(
    _ node: GraphNode, pass: Pass, run: RunInputs, takesLast: Bool, cache: ReferenceCache?
  ) throws(IngotError) -> [Double] {
    let operation = try arithmetic(of: node)
    var step = step(of: node, pass.live, run: run, cache: cache)
    guard takesLast else { return operation.values(step) }
    guard operation.reach == .token else { return Self.lastRows(of: operation.values(step), run.extent) }
    step.inputs = step.inputs.map { Self.lastRows(of: $0, run.extent) }
    step.integers = step.integers.map { Self.lastRows(of: $0, run.extent) }
    return operation.values(step)
  }

  /// How a node is computed.
  func arithmetic(of node: GraphNode) throws(IngotError) -> any ReferenceOperator {
    guard let operation = node.operation as? any ReferenceOperator else {
      throw .internal("no arithmetic for \(words: node.operation.name)")
    }
    return operation
  }

  /// What a node computes with.
  ///
  /// - Parameters:
  ///   - node: the node.
  ///   - live: activations by edge.
  ///   - run: the integers and the extent.
  ///   - cache: keys and values of earlier runs.
  /// - Returns: its inputs and parameters.
  func step(
    of node: GraphNode, _ live: [EdgeID: [Double]], run: RunInputs, cache: ReferenceCache? = nil
  ) -> ReferenceStep {
    let integers = graph.inputs(of: node, .ids).map(\.index)
    return ReferenceStep(
      inputs: graph.inputs(of: node, .activations).map { live[$0] ?? [] },
      integers: integers.map { run.integers[$0] ?? [] }, greatest: integers.map { run.greatest[$0] ?? 0 },
      parameters: node.parameters.map { (store[$0]?.shape ?? .scalar, values($0)) }, run: run.extent,
      cache: cache)
  }

  /// A weight's exact values, decoded when first used.
  private func values(_ role: TensorRole) -> [Double] {
    if let values = decoded[role] { return values }
    let values = store[role]?.doubles ?? []
    decoded[role] = values
    return values
  }

  /// The last token's row of each sequence.
  private static func lastRows<Element>(of input: [Element], _ run: RunExtent) -> [Element] {
    let width = input.count / (run.batchCount * run.tokenCount)
    return (0..<run.batchCount).flatMap { row in
      let end = (row + 1) * run.tokenCount * width
      return input[(end - width)..<end]
    }
  }

  /// The activations of one run: which are needed, for how long, and which are results.
  private struct Pass {
    private let graph: ModelGraph
    private let names: [Int: [String]]
    private let needed: Set<Int>
    private var lastUse: [Int: Int] = [:]
    private(set) var live: [EdgeID: [Double]] = [:]
    private(set) var results: [String: RunOutput<Double>] = [:]

    init(graph: ModelGraph, targets: [String: EdgeID]) {
      self.graph = graph
      var names: [Int: [String]] = [:]
      for (name, edge) in targets { names[edge.index, default: []].append(name) }
      self.names = names
      var edges = Set(names.keys)
      var needed = Set<Int>()
      for (index, node) in graph.nodes.enumerated().reversed() where edges.contains(node.output.index) {
        needed.insert(index)
        for input in node.inputs {
          edges.insert(input.index)
          if lastUse[input.index] == nil { lastUse[input.index] = index }
        }
      }
      self.needed = needed
    }

    func needs(_ node: Int) -> Bool { needed.contains(node) }

    mutating func finish(_ index: Int, _ values: [Double], shape: Shape) {
      let node = graph.nodes[index]
      for name in names[node.output.index] ?? [] { results[name] = RunOutput(shape: shape, values: values) }
      live[node.output] = values
      for input in node.inputs where lastUse[input.index] == index { live[input] = nil }
    }
  }
}

/// An operator in float64.
protocol ReferenceOperator: GraphOperator {
  /// What comes out, row-major.
  func values(_ step: ReferenceStep) -> [Double]
}

/// What an operator computes with in float64.
struct ReferenceStep {
  /// The inputs that are activations, in the operator's order, row-major.
  var inputs: [[Double]]
  /// The inputs that are integers, in the operator's order.
  var integers: [[Int]]
  /// The greatest of each, of all rows.
  let greatest: [Int]
  /// The parameters in the operator's order.
  let parameters: [(shape: Shape, values: [Double])]
  /// B, T, P and the mask.
  let run: RunExtent
  /// Keys and values of earlier runs; `nil` for a run of its own.
  let cache: ReferenceCache?
}

/// Keys and values of the tokens that a ``ReferenceExecutor`` has seen.
package final class ReferenceCache {
  /// Tokens seen, P.
  package private(set) var tokenCount = 0
  private var keys: [[[Double]]]
  private var values: [[[Double]]]

  /// Makes an empty cache.
  ///
  /// - Parameters:
  ///   - graph: the model.
  ///   - batchCount: rows.
  package init(_ graph: ModelGraph, batchCount: Int = 1) {
    keys = Array(repeating: Array(repeating: [], count: batchCount), count: graph.caches.count)
    values = keys
  }

  /// Appends a row's new keys and values, and gives all of that row.
  ///
  /// - Parameters:
  ///   - slot: the cache, counted among the graph's.
  ///   - row: the row.
  ///   - newKeys: `[T, H · E]`.
  ///   - newValues: `[T, H · E]`.
  /// - Returns: `[P + T, H · E]` each.
  func append(
    slot: Int, row: Int, keys newKeys: [Double], values newValues: [Double]
  ) -> (keys: [Double], values: [Double]) {
    keys[slot][row] += newKeys
    values[slot][row] += newValues
    return (keys[slot][row], values[slot][row])
  }

  /// Counts tokens as seen, when all slots hold them.
  func advance(by count: Int) { tokenCount += count }

  /// Forgets what comes behind some tokens, at most those seen.
  package func truncate(to count: Int) {
    guard count < tokenCount else { return }
    func cut(_ rows: [[Double]]) -> [[Double]] {
      rows.map { Array($0.prefix($0.count / tokenCount * max(0, count))) }
    }
    (keys, values) = (keys.map(cut), values.map(cut))
    tokenCount = max(0, count)
  }
}
