// SPDX-License-Identifier: Apache-2.0
// Transposing matrices in memory. Not here: matrices larger than memory, which IngotTransforms reads in strips.
import CIngotKernels

/// Transposes matrices whose elements have some bytes each.
package struct MatrixTransposition: Sendable {
  private let kernels: ingot_transpose_kernels
  private let elementWidth: Int

  /// Makes a transposition.
  ///
  /// - Parameters:
  ///   - elementWidth: bytes of an element.
  ///   - kernels: the kernels to use; the result is the same for all.
  package init(elementWidth: Int, kernels: KernelTable = .current) {
    self.elementWidth = elementWidth
    self.kernels = kernels.transpose
  }

  /// Transposes.
  ///
  /// - Parameters:
  ///   - rows: R.
  ///   - columns: C.
  ///   - source: `[R, C]`, its rows `sourceStride` bytes apart; any alignment.
  ///   - sourceStride: at least C elements.
  ///   - target: room for `[C, R]`, its rows `targetStride` bytes apart; must not overlap the source.
  ///   - targetStride: at least R elements.
  package func transpose(
    rows: Int, columns: Int, from source: UnsafeRawPointer, sourceStride: Int,
    to target: UnsafeMutableRawPointer, targetStride: Int
  ) {
    kernels.transpose(source, sourceStride, rows, columns, elementWidth, target, targetStride)
  }
}

extension ReferenceKernels {
  /// Transposes `[rows, columns]` of elements of some bytes, one by one.
  package static func transpose(_ bytes: [UInt8], rows: Int, columns: Int, elementWidth: Int) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: bytes.count)
    for row in 0..<rows {
      for column in 0..<columns {
        for byte in 0..<elementWidth {
          result[(column * rows + row) * elementWidth + byte] =
            bytes[(row * columns + column) * elementWidth + byte]
        }
      }
    }
    return result
  }
}
