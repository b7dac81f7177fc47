// SPDX-License-Identifier: Apache-2.0
// What a request gives for each input of a graph, made up where it gives nothing, and held against what looks it up.
import IngotCore
import IngotGraph

/// The values of a run's inputs.
struct RunInputs {
  /// B, T, P and the mask.
  let extent: RunExtent
  /// Integers by edge, `[B, T]` or `[B]`.
  let integers: [Int: [Int]]
  /// The greatest of them, by edge.
  let greatest: [Int: Int]

  /// The shape of an edge.
  ///
  /// - Parameters:
  ///   - type: its type.
  ///   - tokenCount: T when it is another than the run's.
  /// - Returns: the dimensions as numbers.
  func shape(of type: EdgeType, tokenCount: Int? = nil) -> Shape {
    let dimensions = type.dimensions.map { dimension in
      switch dimension {
      case .batch: extent.batchCount
      case .tokens: tokenCount ?? extent.tokenCount
      case .context: extent.contextCount
      case .fixed(let count): count
      }
    }
    return Shape(dimensions) ?? .scalar
  }
}

/// The inputs of a graph with their bounds, found once.
struct InputCheck {
  private let inputs: [(input: GraphInput, edge: EdgeID, least: Int, bounds: [SymbolicDimension])]
  private let hasCaches: Bool

  init(_ graph: ModelGraph) {
    inputs = graph.inputs.filter { $0.input.type.element == .ids }
      .map { ($0.input, $0.edge, graph.leastValue(of: $0.edge), graph.valueCounts(of: $0.edge)) }
    hasCaches = !graph.caches.isEmpty
  }

  /// The values of a request that fits the graph.
  ///
  /// - Parameters:
  ///   - request: what is given.
  ///   - past: tokens that the cache holds.
  /// - Returns: values of every input.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for ids outside the vocabulary, positions outside the
  ///   context and the like, a mask of another length, and inputs that the graph does not take.
  func values(of request: RunRequest, past: Int) throws(IngotError) -> RunInputs {
    let run = RunExtent(
      batchCount: request.batchCount, tokenCount: request.tokenCount, pastCount: past, mask: request.mask)
    guard past == 0 || hasCaches else { throw Self.unsuitable("the model keeps nothing of earlier tokens") }
    if let mask = request.mask, mask.count != run.batchCount * run.contextCount {
      throw Self.unsuitable("a mask of \(mask.count) for \(run.contextCount, "token") a row")
    }
    var integers: [Int: [Int]] = [:]
    for (input, edge, least, bounds) in inputs {
      let values = request.integers[input] ?? input.defaultValues?(run) ?? []
      try Self.check(values, of: input, least, bounds, run)
      integers[edge.index] = values
    }
    for input in request.integers.keys where !inputs.contains(where: { $0.input == input }) {
      throw Self.unsuitable("the model takes no \(words: "\(input.plural)")")
    }
    return RunInputs(extent: run, integers: integers, greatest: integers.compactMapValues { $0.max() })
  }

  private static func check(
    _ values: [Int], of input: GraphInput, _ least: Int, _ bounds: [SymbolicDimension], _ run: RunExtent
  ) throws(IngotError) {
    let count = run.batchCount * (input.type.hasTokens ? run.tokenCount : 1)
    guard count > 0, values.count == count else {
      throw unsuitable(
        "\(values.count, input.noun, input.plural) for \(run.batchCount) × \(run.tokenCount) tokens")
    }
    for bound in bounds {
      let bound: Int? =
        switch bound {
        case .fixed(let count): count
        case .tokens: run.tokenCount
        case .batch, .context: nil
        }
      if let bound, let value = values.first(where: { $0 < least || $0 >= bound }) {
        throw unsuitable(input.outOfRange(value, bound))
      }
    }
  }

  private static func unsuitable(_ why: Evidence) -> IngotError {
    .unsuitable(Location("input"), why: why, hint: nil)
  }
}
