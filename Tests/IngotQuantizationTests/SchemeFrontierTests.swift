// SPDX-License-Identifier: Apache-2.0
// Choices for budgets against all mixtures there are.
import IngotQuantization
import IngotTestSupport
import Testing

@Suite struct SchemeFrontierTests {
  /// Ways to store some weights, with figures of all sizes; what takes more may cost more, too.
  private static func choices(seed: UInt64, count: Int) -> [[SchemeFrontier.Choice]] {
    var random = SeededRandom(seed: seed)
    let schemes: [QuantizationScheme] = [.int8, .int8Group64, .int8Group16, .keep]
    return (0..<count).map { _ in
      schemes.map { scheme in
        SchemeFrontier.Choice(
          scheme, byteCount: 100 + Int(random.next() % 400),
          divergence: scheme == .keep ? 0 : Double(random.next() % 10_000) * 1e-8)
      }
    }
  }

  /// What every mixture comes to.
  private static func mixtures(_ choices: [[SchemeFrontier.Choice]]) -> [(byteCount: Int, divergence: Double)]
  {
    choices.reduce([(0, 0.0)]) { sums, ways in
      sums.flatMap { sum in ways.map { (sum.0 + $0.byteCount, sum.1 + $0.divergence) } }
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `no mixture is better than one of the frontier`(_ seed: UInt64) throws {
    let choices = Self.choices(seed: seed, count: 5)
    let all = Self.mixtures(choices)
    let points = SchemeFrontier(choices).all
    let first = try #require(points.first), last = try #require(points.last)
    #expect(first.byteCount == all.map(\.byteCount).min())
    #expect(last.divergence < 1e-12)
    for point in points {
      #expect(
        !all.contains { $0.byteCount <= point.byteCount && $0.divergence < point.divergence - 1e-12 }
          && !all.contains { $0.byteCount < point.byteCount && $0.divergence <= point.divergence - 1e-12 })
    }
    #expect(zip(points, points.dropFirst()).allSatisfy { $0.byteCount < $1.byteCount })
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a bound is kept, and what it leaves is used`(_ seed: UInt64) throws {
    let choices = Self.choices(seed: seed, count: 6)
    let frontier = SchemeFrontier(choices)
    let all = frontier.all
    for limit in stride(from: frontier.smallest.byteCount, through: 3000, by: 97) {
      let point = try #require(frontier.point(within: limit))
      #expect(point.byteCount <= limit)
      #expect(point.byteCount == point.choices.reduce(0) { $0 + $1.byteCount })
      // At least as good as the last point of the frontier that fits.
      let reached = try #require(all.last { $0.byteCount <= limit })
      #expect(point.divergence <= reached.divergence + 1e-15)
    }
    #expect(frontier.point(within: frontier.smallest.byteCount - 1) == nil)
    for bound in [1e-4, 5e-5, 1e-6] {
      let point = try #require(frontier.point(movingAtMost: bound))
      #expect(point.divergence <= bound)
      let needed = try #require(all.first { $0.divergence <= bound })
      #expect(point.byteCount == needed.byteCount)
    }
    let faithful = SchemeFrontier(choices.map { $0.filter { $0.scheme != .keep } })
    let least = faithful.all.last?.divergence ?? 0
    #expect(faithful.point(movingAtMost: least * 0.9) == nil)
  }
}
