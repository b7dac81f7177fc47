// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every run and machine.
import IngotCore

/// A sequence of SplitMix64 with what tests draw from it.
package struct SeededRandom: RandomNumberGenerator, Sendable {
  private var sequence: SplitMix64

  /// Makes a generator; equal seeds give equal numbers.
  package init(seed: UInt64) { sequence = SplitMix64(seed: seed) }

  package mutating func next() -> UInt64 { sequence.next() }

  /// A whole number in a range.
  package mutating func integer(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  /// Numbers from -1 to 1.
  package mutating func floats(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float.random(in: -1...1, using: &self) }
  }

  /// Random bytes.
  package mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &self) }
  }
}
