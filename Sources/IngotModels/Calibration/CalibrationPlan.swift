// SPDX-License-Identifier: Apache-2.0
// Which inputs are looked at to calibrate a model's weights: those of its products, each once, in as many runs as memory
// asks for.
import IngotCore
import IngotGraph
import IngotKernels

/// Inputs that some weights of a model share, and those weights.
struct SharedInputs {
  /// The weights, in the graph's order.
  let roles: [TensorRole]
  /// Inputs, K.
  let width: Int
  /// The products that take them, of the first weight.
  let nodes: [Int]
  /// Whether the weights are a table of rows by id, too.
  let isTable: Bool

  /// The weight whose inputs are looked at.
  var first: TensorRole { roles[0] }
  /// Bytes that their moments and what is made of them take.
  var byteCount: Int { (InputMoments.byteCount(width: width) ?? .max / 4) * 2 }
}

/// What is looked at in one run of the model over the text.
struct CalibrationStage {
  /// Inputs whose moments are taken.
  let inputs: [SharedInputs]
  /// Names that are asked of a run, so that all products before them are computed.
  var wanted: Set<String> = []
  /// Inputs that are outputs of the run, by name: those of products that need not be computed.
  var asked: [String: [Int]] = [:]
}

/// The runs of a calibration.
struct CalibrationPlan {
  /// Bytes of moments, and of what is made of them, that are held at a time, unless those of one weight are more.
  static let memoryByteCount = 768 << 20
  /// The most inputs that a weight may have: their moments are 1 GiB.
  static let largestWidth = 1 << 14

  /// The runs, in the graph's order.
  let stages: [CalibrationStage]

  /// Where a product's inputs come from.
  private enum Origin: Hashable {
    case edge(Int)
    /// What an expert takes, or what is between its projections.
    case expert(node: Int, expert: Int, isInner: Bool)
  }

  /// Plans the runs.
  ///
  /// - Parameters:
  ///   - graph: the model.
  ///   - roles: the weights that are calibrated; those without a product are passed over.
  ///   - memoryByteCount: bytes that are held at a time.
  init(_ graph: ModelGraph, roles: Set<TensorRole>, memoryByteCount: Int = Self.memoryByteCount) {
    var stages: [[SharedInputs]] = []
    var held = 0
    for inputs in Self.inputs(of: graph, roles) {
      if stages.isEmpty || held + inputs.byteCount > memoryByteCount {
        stages.append([])
        held = 0
      }
      stages[stages.count - 1].append(inputs)
      held += inputs.byteCount
    }
    self.stages = stages.map { CalibrationStage(lookingAt: $0, of: graph) }
  }

  /// The inputs of all products by weights that are wanted.
  private static func inputs(of graph: ModelGraph, _ wanted: Set<TensorRole>) -> [SharedInputs] {
    var origins: [TensorRole: [(Origin, node: Int)]] = [:]
    var tables = Set<TensorRole>()
    for (number, node) in graph.nodes.enumerated() {
      switch node.operation {
      case is Linear:
        origins[node.parameters[0], default: []].append((.edge(node.inputs[0].index), number))
      case let experts as Experts:
        for expert in 0..<experts.expertCount {
          let places = experts.weights(of: expert)
          for (place, isInner) in [(places.gate, false), (places.up, false), (places.down, true)] {
            origins[node.parameters[place], default: []].append(
              (.expert(node: number, expert: expert, isInner: isInner), number))
          }
        }
      default: tables.formUnion(node.parameters)
      }
    }
    var groups: [[Origin]: [TensorRole]] = [:]
    var order: [[Origin]] = []
    for parameter in graph.parameters where wanted.contains(parameter.role) {
      guard let known = origins[parameter.role], parameter.shape.rank == 2 else { continue }
      let key = known.map(\.0)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(parameter.role)
    }
    return order.compactMap { key -> SharedInputs? in
      guard let roles = groups[key], let parameter = graph.parameter(roles[0]), let known = origins[roles[0]]
      else { return nil }
      let width = parameter.shape.dimensions[parameter.weightLayout == .inOut ? 0 : 1]
      // No memory is taken that the weights themselves don't come near.
      guard width <= largestWidth, let cells = width.checkedMultiply(width),
        cells / 16 <= graph.parameterCount
      else { return nil }
      return SharedInputs(
        roles: roles, width: width, nodes: known.map(\.node), isTable: roles.contains(where: tables.contains))
    }.sorted { ($0.nodes.first ?? 0) < ($1.nodes.first ?? 0) }
  }
}

extension CalibrationStage {
  /// Finds what a run is asked for so that all products before the last ones are computed, and those not.
  init(lookingAt inputs: [SharedInputs], of graph: ModelGraph) {
    self.inputs = inputs
    var needed: [Int: [Int]] = [:]
    for (index, inputs) in inputs.enumerated() {
      for node in inputs.nodes { needed[node, default: []].append(index) }
    }
    var producers: [Int: Int] = [:]
    for (number, node) in graph.nodes.enumerated() { producers[node.output.index] = number }
    // From the last node to the first: one that nothing needs yet is asked for by what it takes.
    var computed = Set<Int>()
    for (number, node) in graph.nodes.enumerated().reversed() {
      if computed.contains(number) {
        computed.formUnion(node.inputs.compactMap { producers[$0.index] })
      } else if let indexes = needed[number] {
        if node.operation is Linear, let producer = producers[node.inputs[0].index] {
          wanted.insert(graph.nodes[producer].name)
          asked[graph.nodes[producer].name, default: []] += indexes
          computed.insert(producer)
        } else {
          wanted.insert(node.name)
          computed.formUnion(node.inputs.compactMap { producers[$0.index] })
        }
      }
    }
  }
}
