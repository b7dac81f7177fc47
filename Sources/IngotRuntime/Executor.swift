// SPDX-License-Identifier: Apache-2.0
// Runs any graph node by node over one operator set. It computes only what the wanted outputs need, and keeps an
// activation only as long as something still needs it. No model is named here.
import IngotCore
import IngotGraph

/// Runs a graph in the precision of an operator set.
public final class Executor<Operators: OperatorSet> {
  /// What activations are made of.
  public typealias Element = Operators.Element

  /// The graph that is run.
  public let graph: ModelGraph
  private let operators: Operators

  /// Makes an executor.
  ///
  /// - Parameters:
  ///   - graph: a graph whose parameters the operators hold; validated before.
  ///   - operators: the arithmetic with the weights.
  public init(_ graph: ModelGraph, operators: Operators) {
    self.graph = graph
    self.operators = operators
  }

  /// Runs the graph.
  ///
  /// - Parameters:
  ///   - request: tokens, and what is wanted.
  ///   - cache: keys and values of earlier runs, extended by this one's; `nil` for a run of its own.
  /// - Returns: each wanted output by name.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for ids outside the vocabulary, positions outside the
  ///   context, a mask of another length, and names that the graph does not have.
  public func run(
    _ request: RunRequest, cache: inout KVCache<Element>?
  ) throws(IngotError) -> [String: RunOutput<Element>] {
    let past = cache?.tokenCount ?? 0
    let positions = try request.checkedPositions(for: graph, past: past)
    let targets = try request.targets(in: graph)
    let context = AttentionContext(
      batchCount: request.batchCount, tokenCount: request.tokenCount, pastCount: past, mask: request.mask)
    var pass = Pass(graph: graph, targets: targets)
    for (index, node) in graph.nodes.enumerated() where pass.needs(index) {
      let takesLast = request.lastLogitsOnly && Self.isLogits(node, in: graph)
      let values = compute(
        node, pass: pass, request: request, positions: positions, context: context, takesLast: takesLast,
        cache: &cache)
      pass.finish(index, values, tokenCount: takesLast ? 1 : request.tokenCount)
    }
    cache?.advance(by: request.tokenCount)
    return pass.results.mapValues { result in
      let width = result.values.count / (request.batchCount * result.tokenCount)
      let shape = Shape([request.batchCount, result.tokenCount, width]) ?? .scalar
      return RunOutput(shape: shape, values: result.values)
    }
  }

  /// Runs the graph without a cache.
  public func run(_ request: RunRequest) throws(IngotError) -> [String: RunOutput<Element>] {
    var cache: KVCache<Element>?
    return try run(request, cache: &cache)
  }

  private static func isLogits(_ node: GraphNode, in graph: ModelGraph) -> Bool {
    graph.outputs.contains { $0.name == "logits" && $0.edge == node.output }
  }

  private func compute(
    _ node: GraphNode, pass: Pass, request: RunRequest, positions: [Int], context: AttentionContext,
    takesLast: Bool,
    cache: inout KVCache<Element>?
  ) -> [Element] {
    var input = node.inputs.first.map(pass.values) ?? []
    switch node.operation {
    case .embedding:
      let ids = node.inputs.first == graph.inputs.positions ? positions : request.ids
      return operators.embedding(ids, table: node.parameters[0])
    case .add:
      return operators.add(input, pass.values(node.inputs[1]))
    case .layerNorm(let epsilon):
      return operators.layerNorm(input, gain: node.parameters[0], bias: node.parameters[1], epsilon: epsilon)
    case .linear(let layout, let hasBias):
      if takesLast { input = Self.lastRows(of: input, request) }
      return operators.linear(
        input, weight: node.parameters[0], layout: layout, bias: hasBias ? node.parameters[1] : nil)
    case .attention(let attributes):
      return operators.attention(input, attributes, context, cache: &cache)
    case .activation(let kind):
      return operators.activation(kind, input)
    }
  }

  /// The last token's row of each sequence.
  private static func lastRows(of input: [Element], _ request: RunRequest) -> [Element] {
    let width = input.count / (request.batchCount * request.tokenCount)
    return (0..<request.batchCount).flatMap { row in
      let end = (row + 1) * request.tokenCount * width
      return input[(end - width)..<end]
    }
  }

  /// The activations of one run: which are needed, for how long, and which are results.
  private struct Pass {
    private let graph: ModelGraph
    private let names: [Int: [String]]
    private let needed: Set<Int>
    private var lastUse: [Int: Int] = [:]
    private var live: [Int: [Element]] = [:]
    private(set) var results: [String: (values: [Element], tokenCount: Int)] = [:]

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

    func values(_ edge: EdgeID) -> [Element] { live[edge.index] ?? [] }

    mutating func finish(_ index: Int, _ values: [Element], tokenCount: Int) {
      let node = graph.nodes[index]
      for name in names[node.output.index] ?? [] { results[name] = (values, tokenCount) }
      live[node.output.index] = values
      for input in node.inputs where lastUse[input.index] == index { live[input.index] = nil }
    }
  }
}
