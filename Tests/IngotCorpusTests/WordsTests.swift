// SPDX-License-Identifier: Apache-2.0
// Words and shingles, as the regular expression of Benchmarks/corpus_peer.py finds them.
import IngotBytes
import IngotCorpus
import IngotTestSupport
import Testing

@Suite struct WordsTests {
  private static func shingles(_ text: String, of length: Int) -> [String] {
    var words = Words()
    var text = text
    text.withUTF8 { words.take($0) }
    return (0..<words.shingleCount(of: length)).map {
      String(decoding: words.bytes[words.shingle($0, of: length)], as: UTF8.self)
    }
  }

  private static func digest(_ bytes: [UInt8]) -> String {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update($0) }
    return hash.finishHex()
  }

  @Test func `words are runs of letters and digits, in lower case`() {
    #expect(Self.shingles("It's 1984; NAÏVE—so!", of: 1) == ["it", "s", "1984", "naÏve", "so"])
    #expect(Self.shingles("a b c d", of: 2) == ["a b", "b c", "c d"])
    #expect(Self.shingles(" one  Two\n", of: 5) == ["one two"])
    #expect(Self.shingles("… \n", of: 1) == [])
    #expect(Self.shingles("", of: 3) == [])
  }

  @Test func `a script without spaces has a word a character`() {
    #expect(Self.shingles("言葉と字ABC字", of: 1) == ["言", "葉", "と", "字", "abc", "字"])
  }

  /// Every character of Unicode once, and random texts over all planes.
  @Test func `shingles are those of the regular expression`() throws {
    var random = SeededRandom(seed: 9)
    let all = (0..<0x11_0000).compactMap { Unicode.Scalar(UInt32($0)) }
    var texts = [String(String.UnicodeScalarView(all))]
    for _ in 0..<200 {
      var text = String.UnicodeScalarView()
      for _ in 0..<random.integer(in: 0...60) {
        let range = [0...0x7F, 0x20...0x7E, 0...0x4FF, 0x2000...0x30FF, 0...0xFFFF, 0...0x10_FFFF][
          random.integer(in: 0...5)]
        if let scalar = Unicode.Scalar(UInt32(random.integer(in: range))) { text.append(scalar) }
      }
      texts.append(String(text))
    }
    let printed = try PythonPeer.run(
      code: """
        import hashlib, sys
        sys.path.insert(0, sys.argv[1])
        import corpus_peer
        for text in sys.stdin.buffer.read().decode().split("\\ue000"):
            pieces = sorted(corpus_peer.shingles(text, 3))
            print(len(pieces), hashlib.sha256(b"\\n".join(pieces)).hexdigest())
        """, [Fixture.packagePath("Benchmarks")],
      input: Array(texts.map { $0.replacing("\u{E000}", with: "") }.joined(separator: "\u{E000}").utf8)
    ).standardOutput
    let lines = texts.map { text in
      let pieces = Set(Self.shingles(text.replacing("\u{E000}", with: ""), of: 3).map { Array($0.utf8) })
        .sorted { $0.lexicographicallyPrecedes($1) }
      return "\(pieces.count) \(Self.digest(Array(pieces.joined(separator: [0x0A]))))"
    }
    #expect(printed.split(separator: "\n").map(String.init) == lines)
  }
}
