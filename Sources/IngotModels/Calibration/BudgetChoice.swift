// SPDX-License-Identifier: Apache-2.0
// Which scheme each weight of a model gets for a bound on bits, bytes or divergence, by what is known of each; a rule that
// names one holds.
import IngotCore
import IngotFormats
import IngotGraph
import IngotOutput
import IngotQuantization

/// What a quantization may take, or cost.
public enum QuantizationBudget: Hashable, Sendable {
  /// The most bits a weight, scales counted, over all weights that can be quantized.
  case bits(Double)
  /// The most bytes of the output's files.
  case bytes(Int)
  /// The most that the model may move, nats a token.
  case divergence(Double)

  /// The option that asks for it.
  package var option: RequestOption {
    switch self {
    case .bits: .bitLimit
    case .bytes: .byteLimit
    case .divergence: .divergenceLimit
    }
  }
}

/// What a budget is kept with.
package struct BudgetRequest: Sendable {
  /// The bound as it is asked for.
  package var bound: QuantizationBudget
  /// What is known of the weights.
  package var table: SensitivityTable
  /// The bound that is chosen by; bytes are those of the weights here, and a divergence is what is expected.
  package var target: QuantizationBudget

  /// Puts a request together.
  package init(_ bound: QuantizationBudget, by table: SensitivityTable) {
    (self.bound, self.table, target) = (bound, table, bound)
  }
}

/// What was chosen for a budget.
public struct BudgetChoice: Sendable {
  /// A weight's scheme, and what it is expected to cost.
  public struct Weight: Hashable, Sendable {
    /// The tensor's name.
    public var name: String
    /// Its scheme.
    public var scheme: QuantizationScheme
    /// Bytes of values and scales.
    public var byteCount: Int
    /// What it is expected to cost, nats a token.
    public var divergence: Double
  }

  /// A mixture of schemes that could have been chosen.
  public struct Point: Hashable, Sendable {
    /// Bits a weight, scales counted.
    public var bitsPerWeight: Double
    /// Bytes of the weights.
    public var byteCount: Int
    /// What it is expected to cost, nats a token.
    public var divergence: Double
  }

  /// The bound.
  public var bound: QuantizationBudget
  /// Each weight, in the checkpoint's order.
  public var weights: [Weight]
  /// What was chosen.
  public var chosen: Point
  /// Mixtures from the smallest to the largest, at most twelve.
  public var frontier: [Point]
  /// The schemes by tensor.
  let schemes: [Int: QuantizationScheme]

  /// Points of a frontier that are told.
  private static let pointLimit = 12

  /// Chooses.
  ///
  /// - Parameters:
  ///   - request: the bound, and what is known of the weights.
  ///   - model: the model.
  ///   - choice: the rules, which hold.
  ///   - allowed: the schemes that an output has for a weight.
  ///   - scaleWidth: bytes of a group's scale.
  /// - Throws: ``IngotCore/IngotError/unmet(option:why:)`` for a bound that nothing keeps.
  init(
    _ request: BudgetRequest, for model: Model, choice: SchemeChoice,
    allowed: ([TensorRole]) -> [QuantizationScheme], scaleWidth: Int
  ) throws(IngotError) {
    let candidates = SensitivityMeasurement.candidates(of: model)
    let ways = zip(candidates, request.table.weights).map { candidate, weight in
      let schemes = choice.ruled(candidate.index).map { [$0] } ?? allowed(candidate.roles)
      return weight.ways(schemes.isEmpty ? [.keep] : schemes, scaleWidth: scaleWidth)
    }
    guard ways.allSatisfy({ !$0.isEmpty }) else {
      throw .invalidRequest(
        option: .rules, why: "names a scheme that nothing is known of, or that does not fit a weight")
    }
    let frontier = SchemeFrontier(ways)
    let elementCount = candidates.reduce(0) { $0 + $1.elementCount }
    let all = Self.points(of: frontier, elementCount: elementCount)
    let point: SchemeFrontier.Point?
    switch request.target {
    case .bits(let bits):
      let byteLimit = (bits * Double(elementCount) / 8).rounded(.down)
      point = frontier.point(within: byteLimit < Double(Int.max) ? Int(max(0, byteLimit)) : .max)
    case .bytes(let count): point = frontier.point(within: count)
    case .divergence(let most): point = frontier.point(movingAtMost: most)
    }
    guard let point else {
      throw .unmet(option: request.bound.option, why: Self.why(request, all))
    }
    bound = request.bound
    chosen = Point(point.byteCount, point.divergence, elementCount: elementCount)
    weights = zip(candidates, point.choices).map {
      Weight(name: $0.name, scheme: $1.scheme, byteCount: $1.byteCount, divergence: $1.divergence)
    }
    schemes = Dictionary(
      zip(candidates.map(\.index), point.choices.map(\.scheme)), uniquingKeysWith: { first, _ in first })
    self.frontier = Self.thinned(all)
  }

  /// Mixtures of what a table knows, from the smallest to the largest, at most twelve.
  package static func frontier(of table: SensitivityTable) -> [Point] {
    let ways = table.weights.map { $0.ways([.keep] + $0.divergences.keys) }
    return thinned(
      points(of: SchemeFrontier(ways), elementCount: table.weights.reduce(0) { $0 + $1.elementCount }))
  }

  private static func points(of frontier: SchemeFrontier, elementCount: Int) -> [Point] {
    frontier.all.map { Point($0.byteCount, $0.divergence, elementCount: elementCount) }
  }

  /// At most so many points, the first and the last among them.
  private static func thinned(_ points: [Point]) -> [Point] {
    let count = min(points.count, pointLimit)
    guard count > 1 else { return points }
    return (0..<count).map { points[$0 * (points.count - 1) / (count - 1)] }
  }

  /// Why a bound is not kept: what the nearest mixture comes to.
  private static func why(_ request: BudgetRequest, _ all: [Point]) -> Evidence {
    guard let smallest = all.first, let largest = all.last else { return "nothing can be chosen" }
    switch request.bound {
    case .bits(let bits):
      return
        "\(words: "\(bits)") can't be kept: the smallest schemes take \(words: "\((smallest.bitsPerWeight * 100).rounded(.up) / 100)") bits a weight"
    case .bytes(let count):
      return
        "\(count, "byte") can't be kept: weights take \(smallest.byteCount, "byte") by the smallest schemes"
    case .divergence(let most):
      return
        "\(words: "\(most)") can't be kept: the most faithful schemes are expected to cost \(words: "\(largest.divergence)") nats a token"
    }
  }
}

extension BudgetChoice.Point {
  fileprivate init(_ byteCount: Int, _ divergence: Double, elementCount: Int) {
    self.init(
      bitsPerWeight: 8 * Double(byteCount) / Double(max(1, elementCount)), byteCount: byteCount,
      divergence: divergence)
  }
}

extension WeightSensitivity {
  /// The ways to store the weight by some schemes, of which something is known.
  fileprivate func ways(_ schemes: [QuantizationScheme], scaleWidth: Int = 2) -> [SchemeFrontier.Choice] {
    schemes.compactMap { scheme in
      guard let divergence = scheme == .keep ? 0 : divergences[scheme],
        let byteCount = byteCount(scheme, scaleWidth: scaleWidth)
      else { return nil }
      return SchemeFrontier.Choice(scheme, byteCount: byteCount, divergence: divergence)
    }
  }
}
