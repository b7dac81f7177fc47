// SPDX-License-Identifier: Apache-2.0
// Signatures that are datasketch's, number by number, on every level.
import IngotKernels
import IngotTestSupport
import Testing

@Suite struct MinHashTests {
  private static func hashes(_ count: Int) -> [UInt32] {
    var random = SeededRandom(seed: UInt64(count))
    return (0..<count).map { _ in UInt32(truncatingIfNeeded: random.next()) }
  }

  @Test(arguments: MatrixProductTests.levels, [1, 15, 16, 31, 128, 1024])
  func `equal the plain twin`(kernels: KernelTable, permutations: Int) {
    let minHash = MinHash(count: permutations)
    for count in [0, 1, 2, 511, 512, 513, 2000] {
      let hashes = Self.hashes(count)
      #expect(
        minHash.signature(of: hashes, kernels: kernels) == ReferenceKernels.leastValues(minHash, of: hashes))
    }
  }

  @Test(arguments: [(16, 1), (100, 1), (128, 1), (1024, 1), (128, 4_294_967_295)] as [(Int, UInt32)])
  func `are datasketch's`(permutations: Int, seed: UInt32) throws {
    let hashes = Self.hashes(300)
    let printed = try PythonPeer.run(
      code: """
        import sys
        from datasketch import MinHash
        minhash = MinHash(num_perm=int(sys.argv[1]), seed=int(sys.argv[2]), hashfunc=int)
        minhash.update_batch(sys.argv[3].split())
        print(*minhash.hashvalues)
        """, ["\(permutations)", "\(seed)", hashes.map(String.init).joined(separator: " ")]
    ).standardOutput
    let expected = printed.split { " \n".contains($0) }.compactMap { UInt32($0) }
    #expect(expected.count == permutations)
    #expect(MinHash(count: permutations, seed: seed).signature(of: hashes) == expected)
  }

  /// Equal places of two signatures are as frequent as common elements, within five standard errors.
  @Test(arguments: [0.0, 0.25, 0.5, 0.9, 1.0])
  func `estimate the share of common elements`(share: Double) {
    let minHash = MinHash(count: 1024)
    let all = Self.hashes(4000)
    let common = Int(share * 4000)
    // Of `all`, `common` in both, and of the others one half in each.
    let half = common + (4000 - common) / 2
    let left = minHash.signature(of: Array(all[..<half]))
    let right = minHash.signature(of: Array(all[..<common] + all[half...]))
    let estimate = Double(zip(left, right).count { $0 == $1 }) / 1024
    let deviation = (share * (1 - share) / 1024).squareRoot()
    #expect((estimate - share).magnitude <= 5 * deviation + 0.001)
  }
}
