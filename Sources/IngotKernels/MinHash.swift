// SPDX-License-Identifier: Apache-2.0
// MinHash signatures of sets of 32-bit hashes: of two sets, equal places of the signatures are as frequent as common
// elements among all (Broder, "On the resemblance and containment of documents", 1997).
// The permutations are those of datasketch's scheme `affine32`, so that signatures are the same numbers.
import CIngotKernels

/// Permutations of 32-bit hashes, and the signatures that they make.
package struct MinHash: Sendable {
  /// `[count]`, odd: each permutation's factor.
  let factors: [UInt32]
  /// `[count]`: each permutation's offset.
  let offsets: [UInt32]

  /// Draws permutations.
  ///
  /// - Parameters:
  ///   - count: how many: the numbers of a signature.
  ///   - seed: datasketch's default is 1.
  package init(count: Int, seed: UInt32 = 1) {
    var random = MersenneTwister(seed: seed)
    factors = (0..<count).map { _ in random.next() << 1 | 1 }
    offsets = (0..<count).map { _ in random.next() }
  }

  /// Numbers of a signature.
  package var count: Int { factors.count }

  /// The signature of a set; of the empty one, the largest numbers.
  ///
  /// - Parameters:
  ///   - hashes: the elements' hashes, in any order and any number of times.
  ///   - kernels: the kernels.
  /// - Returns: `[count]`.
  package func signature(of hashes: [UInt32], kernels: KernelTable = .current) -> [UInt32] {
    var least = [UInt32](repeating: .max, count: count)
    // SAFETY: the kernel reads and writes as many numbers as it is told, which the arrays have.
    hashes.withUnsafeBufferPointer { hashes in
      guard let start = hashes.baseAddress else { return }
      kernels.minhash.lower(start, hashes.count, factors, offsets, count, &least)
    }
    return least
  }
}

extension ReferenceKernels {
  /// A signature, one permutation at a time.
  package static func leastValues(_ permutations: MinHash, of hashes: [UInt32]) -> [UInt32] {
    let mixed = hashes.map { hash in
      var mixed = (hash ^ (hash >> 16)) &* 0x85eb_ca6b
      mixed = (mixed ^ (mixed >> 13)) &* 0xc2b2_ae35
      return mixed ^ (mixed >> 16)
    }
    return zip(permutations.factors, permutations.offsets).map { factor, offset in
      mixed.reduce(.max) { min($0, factor &* $1 &+ offset) }
    }
  }
}
