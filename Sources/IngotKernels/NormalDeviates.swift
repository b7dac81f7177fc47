// SPDX-License-Identifier: Apache-2.0
// Normal deviates as a function of a key and a place, so that any part of a sequence can be made alone, by any thread,
// and is the same bytes on every machine.
import CIngotKernels
import IngotCore

/// A sequence of normal deviates with mean 0.
package struct NormalDeviates: Hashable, Sendable {
  /// What tells this sequence from others.
  package var key: UInt64
  /// The standard deviation.
  package var deviation: Double

  /// Describes a sequence.
  package init(key: UInt64, deviation: Double) {
    self.key = key
    self.deviation = deviation
  }

  /// The key of a named sequence: FNV-1a of the name's bytes, mixed with the seed.
  ///
  /// - Parameters:
  ///   - seed: one for all sequences of a run.
  ///   - name: what the sequence is for.
  /// - Returns: the key.
  package static func key(seed: UInt64, name: String) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return SplitMix64.mixed(SplitMix64.mixed(seed) ^ hash)
  }

  /// Elements made by one chunk of a job.
  private static let grain = 1 << 16

  /// Makes a part of the sequence.
  ///
  /// - Parameters:
  ///   - first: where the part starts; even.
  ///   - count: elements.
  ///   - y: `[count]`, f32; overwritten.
  ///   - pool: the threads.
  ///   - kernels: the kernels.
  package func fill(
    from first: Int, count: Int, into y: UnsafeMutablePointer<Float>, pool: ThreadPool = .shared,
    kernels: KernelTable = .current
  ) {
    precondition(first >= 0 && first % 2 == 0, "pairs are not cut")
    pool.forEachRange(count, grain: Self.grain) { _, range in
      kernels.random.normal(
        key, UInt64(first + range.lowerBound), range.count, deviation, y + range.lowerBound)
    }
  }
}

extension ReferenceKernels {
  /// The two uniform numbers behind a pair of deviates: one in (0, 1], one in [0, 1).
  package static func uniformPair(key: UInt64, pair: UInt64) -> (Double, Double) {
    let counter = key &+ (pair &* 2) &* SplitMix64.increment
    let (a, b) = (SplitMix64.mixed(counter) >> 11, SplitMix64.mixed(counter &+ SplitMix64.increment) >> 11)
    return (Double(a + 1) * 0x1p-53, Double(b) * 0x1p-53)
  }

  /// One pair of deviates, operation for operation as the kernels compute it.
  ///
  /// - Parameters:
  ///   - sequence: key and deviation.
  ///   - pair: the elements `2 · pair` and `2 · pair + 1`.
  /// - Returns: the two elements.
  package static func normal(_ sequence: NormalDeviates, pair: UInt64) -> (Float, Float) {
    let (u, turns) = uniformPair(key: sequence.key, pair: pair)
    let radius = (-2.0 * logarithm(u)).squareRoot() * sequence.deviation
    let b = Int64(turns * 0x1p53)
    let quarter = (b + (1 << 50)) >> 51
    let x = Double(b - (quarter << 51)) * 0x1.921fb54442d18p-51
    var (first, second) = (cosine(x), sine(x))
    if quarter & 1 != 0 { swap(&first, &second) }
    if (quarter + 1) & 2 != 0 { first = -first }
    if quarter & 2 != 0 { second = -second }
    return (Float(radius * first), Float(radius * second))
  }

  /// `log u` for u in (0, 1].
  private static func logarithm(_ u: Double) -> Double {
    let bits = Int64(bitPattern: u.bitPattern)
    let exponent = (bits - 0x3fe6_a09e_667f_3bcd) >> 52
    let m = Double(bitPattern: UInt64(bitPattern: bits - (exponent << 52)))
    let s = (m - 1) / (m + 1)
    let q = s * s
    var p = q * (1.0 / 21) + 1.0 / 19
    for divisor in [17.0, 15, 13, 11, 9, 7, 5, 3] { p = p * q + 1 / divisor }
    return Double(exponent) * 0x1.62e42fefa39efp-1 + 2 * (s + s * q * p)
  }

  private static func sine(_ x: Double) -> Double {
    let q = x * x
    var p = q * (1.0 / 355_687_428_096_000) - 1.0 / 1_307_674_368_000
    for divisor in [6_227_020_800.0, -39_916_800, 362_880, -5_040, 120, -6] { p = p * q + 1 / divisor }
    return x + x * q * p
  }

  private static func cosine(_ x: Double) -> Double {
    let q = x * x
    var p = q * (1.0 / 20_922_789_888_000) - 1.0 / 87_178_291_200
    for divisor in [479_001_600.0, -3_628_800, 40_320, -720, 24, -2] { p = p * q + 1 / divisor }
    return 1 + q * p
  }
}
