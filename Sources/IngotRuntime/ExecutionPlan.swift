// SPDX-License-Identifier: Apache-2.0
// What one kind of run does, decided once from the graph: which nodes are needed and for which rows, which are done in one
// step, and where each value lies. A node that someone asks for is never hidden in a step.
import IngotCore
import IngotGraph

/// The steps of one kind of run.
struct ExecutionPlan {
  /// Which rows of a value are computed.
  enum Rows: Hashable {
    /// Every token's.
    case all
    /// The last token's of each sequence.
    case last
    /// The one that each sequence has, of a value that is not about tokens.
    case sequences
  }

  /// Where a value lies.
  enum Place: Hashable {
    /// In the workspace: one of the slots.
    case slot(Int)
    /// In the caller's memory: one of the wanted outputs.
    case output(Int)
  }

  /// A value: where it lies, how wide it is, and which rows it has.
  struct Value: Hashable {
    var place: Place
    var width: Int
    var rows: Rows
  }

  /// One step.
  struct Step {
    /// What it computes.
    var operation: any FloatOperator
    /// Its parameters, in the operator's order.
    var parameters: [TensorRole] = []
    /// Its inputs that are activations, in the operator's order; the residual of a product last.
    var inputs: [Value]
    /// The edges of its inputs that are integers, in the operator's order.
    var integers: [Int] = []
    var output: Value
    /// What follows a product in the same step.
    var ending = Ending()
    /// Wanted outputs that are copies of the output.
    var copies: [Int] = []
  }

  /// What follows a product in the same step: first the activation, then the residual.
  struct Ending {
    var activation: ActivationKind?
    /// The step's input that is added last.
    var residualInput: Int?
  }

  /// The steps in order.
  private(set) var steps: [Step] = []
  /// Widths of the workspace's slots.
  private(set) var slotWidths: [Int] = []
  /// Wanted names in the order of their outputs, with what each is.
  let outputs: [(name: String, width: Int, rows: Rows)]
  /// Whether the tokens of a sequence may pass in chunks, first to last, keys and values through a cache.
  let takesChunks: Bool

  /// Plans runs that want these edges.
  ///
  /// - Parameters:
  ///   - graph: the graph.
  ///   - targets: edges by wanted name.
  ///   - lastLogitsOnly: whether the logits of each sequence's last token are enough.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for an operator that has no arithmetic.
  init(_ graph: ModelGraph, targets: [String: EdgeID], lastLogitsOnly: Bool) throws(IngotError) {
    let needs = PlanNeeds(graph, targets: targets, lastLogitsOnly: lastLogitsOnly)
    let names = targets.sorted { $0.key < $1.key }
    outputs = names.map { name, edge in
      (name, graph.edges[edge.index].width ?? 0, needs.rows[edge.index] ?? .all)
    }
    takesChunks = needs.nodes.allSatisfy { graph.nodes[$0].operation.reach != .sequence }
    var builder = PlanBuilder(graph, needs: needs, outputEdges: names.map(\.value.index))
    try builder.addSteps()
    steps = builder.steps
    slotWidths = builder.slotWidths
  }
}

/// Which nodes and rows a run needs.
struct PlanNeeds {
  /// Nodes that are computed.
  private(set) var nodes: Set<Int> = []
  /// Rows of each edge that are computed.
  private(set) var rows: [Int: ExecutionPlan.Rows] = [:]
  /// Nodes that take an edge, in order.
  private(set) var consumers: [Int: [Int]] = [:]
  /// Edges that are wanted.
  let wanted: Set<Int>

  init(_ graph: ModelGraph, targets: [String: EdgeID], lastLogitsOnly: Bool) {
    let logits = graph.outputs.first { $0.name == ModelGraph.logits }?.edge.index
    wanted = Set(targets.values.map(\.index))
    for edge in wanted {
      rows[edge] = !graph.edges[edge].hasTokens ? .sequences : lastLogitsOnly && edge == logits ? .last : .all
    }
    for (index, node) in graph.nodes.enumerated().reversed() {
      guard let needed = rows[node.output.index] else { continue }
      nodes.insert(index)
      for input in node.inputs {
        consumers[input.index, default: []].insert(index, at: 0)
        if !graph.edges[input.index].hasTokens {
          rows[input.index] = .sequences
        } else if node.operation.reach != .token || needed == .all {
          rows[input.index] = .all
        } else if rows[input.index] == nil {
          // The last rows of what is computed row by row need the last rows of its inputs.
          rows[input.index] = .last
        }
      }
    }
  }
}

/// Makes the steps of a plan and finds a place for each value.
private struct PlanBuilder {
  private let graph: ModelGraph
  private let needs: PlanNeeds
  private let outputEdges: [Int]
  private(set) var steps: [ExecutionPlan.Step] = []
  private(set) var slotWidths: [Int] = []
  private var values: [Int: ExecutionPlan.Value] = [:]
  private var lastRows: [Int: ExecutionPlan.Value] = [:]
  private var absorbed: Set<Int> = []
  private var freeSlots: [Int] = []
  private var remainingUses: [Int: Int]

  init(_ graph: ModelGraph, needs: PlanNeeds, outputEdges: [Int]) {
    self.graph = graph
    self.needs = needs
    self.outputEdges = outputEdges
    remainingUses = needs.consumers.mapValues(\.count)
  }

  mutating func addSteps() throws(IngotError) {
    for index in graph.nodes.indices where needs.nodes.contains(index) && !absorbed.contains(index) {
      try addStep(for: index)
    }
  }

  private mutating func addStep(for index: Int) throws(IngotError) {
    let node = graph.nodes[index]
    guard let operation = node.operation as? any FloatOperator else {
      throw .internal("no arithmetic for \(words: node.operation.name)")
    }
    var (inputs, output) = (graph.inputs(of: node, .activations).map(\.index), node.output.index)
    let overwritable = inputs.indices.filter { node.operation.mayOverwrite(input: $0) }
    let ending = node.operation.isProduct ? absorbEnding(inputs: &inputs, output: &output) : .init()
    let rows = needs.rows[output] ?? .all
    let takesLast = rows == .last && node.operation.reach == .token
    let taken = inputs.map { takesLast ? lastRowsValue(of: $0) : values[$0] ?? empty }
    // The residual of a product is read where it is written.
    let place = place(
      for: output, inputs: inputs, taken: taken,
      overwritable: ending.residualInput.map { [$0] } ?? overwritable)
    for input in inputs { release(input) }
    let value = ExecutionPlan.Value(place: place, width: graph.edges[output].width ?? 0, rows: rows)
    values[output] = value
    var step = ExecutionPlan.Step(
      operation: operation, parameters: node.parameters, inputs: taken,
      integers: graph.inputs(of: node, .ids).map(\.index), output: value, ending: ending)
    step.copies = outputEdges.indices.filter { outputEdges[$0] == output && place != .output($0) }
    steps.append(step)
  }

  private var empty: ExecutionPlan.Value { ExecutionPlan.Value(place: .slot(0), width: 0, rows: .all) }

  /// Takes the nodes that may end a product into its step: an activation, then an addition.
  ///
  /// - Parameters:
  ///   - inputs: the product's inputs; gets the residual.
  ///   - output: the product's output; becomes that of the last node taken in.
  /// - Returns: what was taken in.
  private mutating func absorbEnding(inputs: inout [Int], output: inout Int) -> ExecutionPlan.Ending {
    var ending = ExecutionPlan.Ending()
    if let next = onlyConsumer(of: output),
      case .activation(let kind)? = graph.nodes[next].operation.productEnding
    {
      ending.activation = kind
      (output, _) = (graph.nodes[next].output.index, absorbed.insert(next))
    }
    if let (next, other) = residual(of: output) {
      ending.residualInput = inputs.count
      inputs.append(other)
      (output, _) = (graph.nodes[next].output.index, absorbed.insert(next))
    }
    return ending
  }

  /// The one node that takes an edge which nobody asks for.
  private func onlyConsumer(of edge: Int) -> Int? {
    guard !needs.wanted.contains(edge), let consumers = needs.consumers[edge], consumers.count == 1 else {
      return nil
    }
    return consumers.first
  }

  /// The addition that takes an edge, with its other input, when that is known already.
  private func residual(of edge: Int) -> (node: Int, other: Int)? {
    guard let next = onlyConsumer(of: edge), graph.nodes[next].operation.productEnding == .residual else {
      return nil
    }
    let others = graph.nodes[next].inputs.map(\.index).filter { $0 != edge }
    guard others.count == 1, values[others[0]] != nil else { return nil }
    return (next, others[0])
  }

  /// A value's last rows: the value itself when it has no others.
  private mutating func lastRowsValue(of edge: Int) -> ExecutionPlan.Value {
    guard let value = values[edge], value.rows == .all else { return values[edge] ?? empty }
    if let known = lastRows[edge] { return known }
    let slot = takeSlot(width: value.width)
    let last = ExecutionPlan.Value(place: .slot(slot), width: value.width, rows: .last)
    steps.append(ExecutionPlan.Step(operation: LastRows(), inputs: [value], output: last))
    lastRows[edge] = last
    return last
  }

  // MARK: - Places

  /// The place of a step's output: the caller's memory when nothing here reads it again, the place of an input that is
  /// used up where the step may work in place, else a slot.
  private mutating func place(
    for output: Int, inputs: [Int], taken: [ExecutionPlan.Value], overwritable: [Int]
  ) -> ExecutionPlan.Place {
    if needs.consumers[output, default: []].isEmpty, let index = outputEdges.firstIndex(of: output) {
      return .output(index)
    }
    for index in overwritable {
      let edge = inputs[index]
      guard remainingUses[edge] == 1, case .slot = taken[index].place, taken[index] == values[edge] else {
        continue
      }
      let place = taken[index].place
      // It passes from the input to the output: releasing the input must not free it.
      values[edge] = nil
      return place
    }
    return .slot(takeSlot(width: graph.edges[output].width ?? 0))
  }

  private mutating func takeSlot(width: Int) -> Int {
    if let free = freeSlots.firstIndex(where: { slotWidths[$0] == width }) {
      return freeSlots.remove(at: free)
    }
    // A slot of another width grows rather than that a new one is made.
    if let free = freeSlots.indices.max(by: { slotWidths[freeSlots[$0]] < slotWidths[freeSlots[$1]] }) {
      let slot = freeSlots.remove(at: free)
      slotWidths[slot] = max(slotWidths[slot], width)
      return slot
    }
    slotWidths.append(width)
    return slotWidths.count - 1
  }

  /// Counts one use of an edge as done, and frees its places after the last.
  private mutating func release(_ edge: Int) {
    remainingUses[edge, default: 0] -= 1
    guard remainingUses[edge] == 0 else { return }
    for value in [values[edge], lastRows[edge]] {
      if case .slot(let slot)? = value?.place { freeSlots.append(slot) }
    }
    values[edge] = nil
    lastRows[edge] = nil
  }
}
