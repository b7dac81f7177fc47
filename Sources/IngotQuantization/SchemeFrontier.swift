// SPDX-License-Identifier: Apache-2.0
// Which scheme each weight gets when there is room for so many bytes, or a model may move so far: all weights start with what
// takes least, and what saves most for each byte is taken first.
//
// The divergence of small errors in several weights is taken for the sum of what each costs alone: errors of rounding hardly
// go together, and the divergence is quadratic in them.
import IngotCore

/// What can be had for how many bytes.
package struct SchemeFrontier {
  /// A way to store a weight.
  package struct Choice: Hashable, Sendable {
    /// The scheme.
    package let scheme: QuantizationScheme
    /// Bytes of values and scales.
    package let byteCount: Int
    /// What it costs, nats a token.
    package let divergence: Double

    /// Names a way.
    package init(_ scheme: QuantizationScheme, byteCount: Int, divergence: Double) {
      (self.scheme, self.byteCount, self.divergence) = (scheme, byteCount, divergence)
    }
  }

  /// A choice for each weight, and what all come to.
  package struct Point: Sendable {
    /// A choice for each weight, in the weights' order.
    package fileprivate(set) var choices: [Choice]
    /// Bytes of all.
    package fileprivate(set) var byteCount: Int
    /// What all are expected to cost, nats a token.
    package fileprivate(set) var divergence: Double

    fileprivate init(_ choices: [Choice]) {
      self.choices = choices
      byteCount = choices.reduce(0) { $0 + $1.byteCount }
      divergence = choices.reduce(0) { $0 + $1.divergence }
    }

    fileprivate mutating func take(_ choice: Choice, for weight: Int) {
      byteCount += choice.byteCount - choices[weight].byteCount
      choices[weight] = choice
      // Summed anew, so that what is kept whole costs exactly nothing.
      divergence = choices.reduce(0) { $0 + $1.divergence }
    }
  }

  /// A weight that gets another choice.
  private struct Step {
    let weight: Int
    let choice: Choice
    /// What it saves, nats a byte.
    let gain: Double
    /// Its place among the weight's.
    let number: Int
  }

  /// All weights by what takes least.
  package let smallest: Point
  private let steps: [Step]

  /// Finds it.
  ///
  /// - Parameter choices: the ways to store each weight, at least one of each, whose figures are finite.
  package init(_ choices: [[Choice]]) {
    let hulls = choices.map(Self.hull)
    smallest = Point(hulls.compactMap(\.first))
    var steps: [Step] = []
    for (weight, hull) in hulls.enumerated() {
      for (number, (from, to)) in zip(hull, hull.dropFirst()).enumerated() {
        steps.append(
          Step(weight: weight, choice: to, gain: Self.gain(from, to), number: number))
      }
    }
    self.steps = steps.sorted {
      $0.gain != $1.gain ? $0.gain > $1.gain : ($0.weight, $0.number) < ($1.weight, $1.number)
    }
  }

  private static func gain(_ from: Choice, _ to: Choice) -> Double {
    (from.divergence - to.divergence) / Double(to.byteCount - from.byteCount)
  }

  /// The choices of one weight that none, and no mixture of two, is better than: from the smallest on, each saves less a byte
  /// than the one before.
  private static func hull(_ choices: [Choice]) -> [Choice] {
    var hull: [Choice] = []
    for choice in choices.sorted(by: {
      $0.byteCount != $1.byteCount ? $0.byteCount < $1.byteCount : $0.divergence < $1.divergence
    }) {
      guard choice.divergence < hull.last?.divergence ?? .infinity else { continue }
      while hull.count > 1, let last = hull.last, gain(hull[hull.count - 2], last) <= gain(last, choice) {
        hull.removeLast()
      }
      hull.append(choice)
    }
    return hull
  }

  /// The best for so many bytes; `nil` where even the smallest choices take more.
  package func point(within byteLimit: Int) -> Point? {
    guard smallest.byteCount <= byteLimit else { return nil }
    return walk(allowing: { point, step in
      point.byteCount - point.choices[step.weight].byteCount + step.choice.byteCount <= byteLimit
    })
  }

  /// The least bytes for which the model moves no further; `nil` where it moves further with the largest choices, too.
  package func point(movingAtMost divergence: Double) -> Point? {
    let point = walk(until: { $0.divergence <= divergence })
    return point.divergence <= divergence ? point : nil
  }

  /// The smallest choices, and what each step from there to the largest ones comes to.
  package var all: [(byteCount: Int, divergence: Double)] {
    var points: [(byteCount: Int, divergence: Double)] = []
    _ = walk(until: { point in
      points.append((point.byteCount, point.divergence))
      return false
    })
    return points
  }

  /// Takes steps that are allowed until enough are taken; a weight whose step is not allowed gets no further one.
  private func walk(
    allowing allows: (Point, Step) -> Bool = { _, _ in true },
    until isEnough: (Point) -> Bool = { _ in false }
  ) -> Point {
    var point = smallest
    var stopped = Set<Int>()
    if isEnough(point) { return point }
    for step in steps where !stopped.contains(step.weight) {
      guard allows(point, step) else {
        stopped.insert(step.weight)
        continue
      }
      point.take(step.choice, for: step.weight)
      if isEnough(point) { break }
    }
    return point
  }
}
