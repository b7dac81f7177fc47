// SPDX-License-Identifier: Apache-2.0
// `ingot corpus` as a user runs it: datasketch finds the same pairs, streams are read to their end, memory is bounded, and
// what is refused is named.
import Foundation
import IngotTestSupport
import Testing

@Suite struct CorpusCommandTests {
  private static let anything = [
    "--min-words", "0", "--min-letters", "0", "--max-repeated", "1", "--max-markup", "1",
  ]

  /// One line of a list of decisions, as far as datasketch says the same.
  private struct Decision: Decodable, Equatable {
    var decision: String
    var of: Int?
    var similarity: Double?
  }

  private static func decisions(_ text: String) throws -> [Decision] {
    try text.split(separator: "\n").map { try JSONDecoder().decode(Decision.self, from: Data($0.utf8)) }
  }

  /// Documents of one generator, by datasketch's own hash and permutations, and by XXH3.
  @Test(arguments: [("sha1", 0.8, 128, 16, 8), ("xxh3", 0.8, 128, 16, 8), ("xxh3", 0.6, 100, 25, 4)])
  func `datasketch finds the same duplicates with the same shares`(
    hash: String, threshold: Double, permutations: Int, bands: Int, rows: Int
  ) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("in.jsonl")
    try PythonPeer.run("Benchmarks/corpus_documents.py", ["1500", path, "--words", "60"])
    let options = ["--hash", hash, "--threshold", "\(threshold)", "--permutations", "\(permutations)"]
    let peer = try PythonPeer.run(
      "Benchmarks/corpus_peer.py", [path, "--bands", "\(bands)", "--rows", "\(rows)"] + options)
    let list = folder.file("list.jsonl")
    let result = try IngotProgram.process(
      ["corpus", path, "--list", list, "--json"] + options + Self.anything
    ).run()
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.standardOutput.contains("\"bands\": \(bands),\n    \"rows\": \(rows)"))
    let found = try Self.decisions(String(decoding: folder.bytes("list.jsonl"), as: UTF8.self))
    let expected = try Self.decisions(peer.standardOutput)
    #expect(found.count == 1500 && expected.count { $0.decision == "near_duplicate" } > 50)
    #expect(found == expected)
  }

  @Test func `standard input is read to its end, as records or as a text`() throws {
    var process = try IngotProgram.process(["corpus", "-", "-o", "-", "--quiet"] + Self.anything)
    process.input = Array("{\"text\":\"a\",\"id\":7}\n\n{\"text\":\"b\"}".utf8)
    let records = try process.run()
    #expect(
      records.exitCode == 0 && records.standardOutput == "{\"text\":\"a\",\"id\":7}\n{\"text\":\"b\"}\n")
    process.input = Array("no record".utf8)
    #expect(try process.run().standardOutput == "{\"text\":\"no record\"}\n")
    process.input = Array("{\"text\":\"a\"}\n\n{\"text\":\"b".utf8)
    let cut = try process.run()
    #expect(
      cut.exitCode == 65 && cut.firstErrorLine.contains("standard input: line 3, byte"),
      "\(cut.firstErrorLine)")
  }

  @Test func `what is refused is named, and ends with the contract's code`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("some text".utf8, to: "in.txt")
    let cases: [(words: [String], code: Int32, says: String)] = [
      ([], 64, "path"), ([path, "--threshold", "2"], 64, "--threshold"),
      ([path, "--take", "0"], 64, "--take"),
      ([path, "-o", folder.file("out.pdf")], 64, ".jsonl"), ([path, "--jobs", "0"], 64, "--jobs"),
      ([path, "--hash", "md5"], 64, "md5"), (["-", "-"], 64, "standard input"),
      ([folder.file("nothing")], 66, "nothing"), ([path, "-o", path, "--force"], 73, "input"),
      ([folder.path, "-o", folder.file("in.txt"), "--force"], 73, "among the inputs"),
      ([path, "-o", folder.file("no/out.txt")], 73, "no"),
    ]
    for (words, code, says) in cases {
      let result = try IngotProgram.process(["corpus"] + words).run()
      #expect(result.exitCode == code, "\(words): \(result.standardError)")
      #expect(
        result.firstErrorLine.contains(says) && result.standardOutput.isEmpty, "\(result.firstErrorLine)")
    }
    #expect(folder.entries() == ["in.txt"])
  }

  /// Short documents, so that tables and not texts take the memory: 280 bytes a kept one beside what a pass has.
  @Test func `memory grows by what is said a document, and no more`() throws {
    let folder = try TemporaryFolder()
    let line = { (number: Int) in
      "{\"text\":\"\((0..<6).map { "w\(number * 6 + $0)" }.joined(separator: " "))\"}"
    }
    let path = try folder.write((0..<20_000).map(line).joined(separator: "\n").utf8, to: "in.jsonl")
    let base = try IngotProgram.run("--version").peakResidentBytes
    let result = try IngotProgram.process(["corpus", path, "--json"] + Self.anything).run()
    #expect(result.standardOutput.contains("\"kept\": 20000"))
    #expect(result.peakResidentBytes - base < 64 << 20 + 20_000 * 280)
  }
}
