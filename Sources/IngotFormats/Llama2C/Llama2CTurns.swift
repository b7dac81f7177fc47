// SPDX-License-Identifier: Apache-2.0
// The tables of cosines and sines that version 0 of llama2.c's files holds, made a few positions at a time. Its program
// reads past them today. karpathy/llama2.c: model.py, `precompute_freqs_cis`. Page: formats/llama2c.md.
import Glibc
import IngotBytes
import IngotCore

/// Cosines or sines of how far pairs are turned at each position.
struct Llama2CTurns: Sendable {
  /// Positions.
  let positionCount: Int
  /// F32 frequencies, one a pair.
  private let frequencies: [Float]
  /// Positions that are made at a time.
  private let stride: Int

  /// The tables of a model.
  init(_ dimensions: Llama2CDimensions) {
    let pairs = dimensions.pairCount
    positionCount = dimensions.contextLength
    frequencies = (0..<pairs).map { pair in
      // Each step is rounded to F32, as the program has it.
      1 / Float(pow(10_000, Double(Float(2 * pair) / Float(2 * pairs))))
    }
    stride = max(1, (1 << 16) / pairs)
  }

  /// How many pieces a table is made in.
  var pieceCount: Int { positionCount.dividedUp(by: stride) }

  /// A piece of a table.
  ///
  /// - Parameters:
  ///   - index: which piece, below ``pieceCount``.
  ///   - isSine: whether sines are wanted, and not cosines.
  /// - Returns: F32 numbers, little-endian, of positions one after the other.
  func bytes(_ index: Int, isSine: Bool) -> [UInt8] {
    let start = index * stride
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(stride, positionCount - start) * frequencies.count * 4)
    for position in start..<min(start + stride, positionCount) {
      for frequency in frequencies {
        let angle = Double(Float(position) * frequency)
        bytes.appendLittle(Float(isSine ? sin(angle) : cos(angle)).bitPattern)
      }
    }
    return bytes
  }
}
