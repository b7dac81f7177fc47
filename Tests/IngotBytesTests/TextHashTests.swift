// SPDX-License-Identifier: Apache-2.0
// Hashes of pieces are those of hashlib and of Python's xxhash.
import IngotBytes
import IngotTestSupport
import Testing

@Suite struct TextHashTests {
  @Test(arguments: TextHash.allCases)
  func `pieces have the hashes that Python gives them`(_ hash: TextHash) throws {
    var random = SeededRandom(seed: 5)
    let text = random.bytes(3000)
    let ranges = [0..<0, 0..<1, 2999..<3000, 0..<3000] + (0..<100).map { $0 * 3..<$0 * 13 + 7 }
    var hashes: [UInt32] = [1, 2, 3]
    text.withUnsafeBytes { hash.hash($0, pieces: ranges.count, range: { ranges[$0] }, into: &hashes) }
    let printed = try PythonPeer.run(
      code: """
        import hashlib, sys, xxhash
        text = sys.stdin.buffer.read()
        for range in sys.argv[2].split():
            start, end = map(int, range.split("-"))
            piece = text[start:end]
            print(int.from_bytes(hashlib.sha1(piece).digest()[:4], "little") if sys.argv[1] == "sha1"
                  else xxhash.xxh3_64_intdigest(piece) & 0xFFFFFFFF)
        """, [hash.rawValue, ranges.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: " ")],
      input: text
    ).standardOutput
    #expect(hashes == printed.split(separator: "\n").compactMap { UInt32($0) })
    #expect(hashes.count == ranges.count)
  }
}
