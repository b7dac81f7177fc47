// SPDX-License-Identifier: Apache-2.0
// Random numbers from a seed, the same on every machine.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
  /// What is added to the counter for each number: 2⁶⁴ divided by the golden ratio, and odd.
  package static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

  private var counter: UInt64

  /// Starts a sequence.
  package init(seed: UInt64) { counter = seed }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    counter &+= Self.increment
    return Self.mixed(counter)
  }

  /// The next number from 0 to below 1, of 53 bits.
  package mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// The number that a counter stands for.
  package static func mixed(_ counter: UInt64) -> UInt64 {
    var x = counter
    x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
    x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
    return x ^ (x >> 31)
  }
}
