// SPDX-License-Identifier: Apache-2.0
// Cosines and sines of a position's angles, taken in double precision: those of late positions have no bits to lose.
import Glibc

/// Cosines and sines of a position's angles.
package enum RotaryAngles {
  /// Computes them.
  ///
  /// - Parameters:
  ///   - position: what frequencies are multiplied with.
  ///   - frequencies: radians a position, one for each pair.
  ///   - factor: what cosine and sine are multiplied with.
  ///   - cosine: one for each pair, f32; overwritten.
  ///   - sine: the same.
  package static func fill(
    position: Int, frequencies: [Double], factor: Double, cosine: UnsafeMutablePointer<Float>,
    sine: UnsafeMutablePointer<Float>
  ) {
    for (pair, frequency) in frequencies.enumerated() {
      let angle = Double(position) * frequency
      cosine[pair] = Float(cos(angle) * factor)
      sine[pair] = Float(sin(angle) * factor)
    }
  }
}
