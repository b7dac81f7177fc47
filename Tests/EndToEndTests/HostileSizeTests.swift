// SPDX-License-Identifier: Apache-2.0
// Bad files of nearly ten megabytes, made of what costs a reader most for a byte: each is answered in short time and in
// memory in proportion to its length. Small bad files are those of fixtures/malformed.
import Foundation
import IngotTestSupport
import Testing

@Suite(.serialized) struct HostileSizeTests {
  private static let byteCount = 9_900_000
  /// The promise is a second on a machine that does nothing else; tests share theirs with others.
  private static let secondsBound = 8 * Patience.factor
  /// What any command may take beyond the program's own memory, with twice the file's length.
  private static let memoryBound = 64 << 20 + 2 * byteCount

  /// A file: a start, a piece that is repeated, an end.
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let name: String
    var start: [UInt8] = []
    let piece: [UInt8]
    var end: [UInt8] = []

    /// An object of a PyTorch stream; behind it the file ends, where keys of storages should stand.
    static func pickle(_ what: String, _ piece: String, start: String = "", end: String = "N.") -> Case {
      Case(
        testDescription: "pickle of " + what, name: "model.pt", start: streamHead + latin(start),
        piece: latin(piece), end: latin(end))
    }

    /// The magic number, the version, a machine without a word, and the object's protocol.
    private static let streamHead: [UInt8] = [
      0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
      0x80, 2, 0x4D, 0xE9, 3, 0x2E, 0x80, 2, 0x7D, 0x2E, 0x80, 2,
    ]

    static func latin(_ text: String) -> [UInt8] {
      text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    /// Writes the file; gives the path to open.
    func write(in folder: TemporaryFolder) throws -> String {
      let count = (HostileSizeTests.byteCount - start.count - end.count) / piece.count
      var bytes = start
      bytes.reserveCapacity(HostileSizeTests.byteCount)
      for _ in 0..<count { bytes += piece }
      return try folder.write(bytes + end, to: name)
    }
  }

  static let cases: [Case] = [
    .pickle("empty lists that are dropped", "]0"), .pickle("empty lists that are kept", "]"),
    .pickle("lists of one", "]Na0"), .pickle("one list, item by item", "Na", start: "]", end: "."),
    .pickle("tuples inside each other", "\u{85}", start: "N", end: "."),
    .pickle("tuples of a thousand", "(" + String(repeating: "N", count: 1_000) + "t0"),
    .pickle("dictionaries", "}NNs0"), .pickle("sets", "\u{8F}0"), .pickle("frozen sets", "(\u{91}0"),
    .pickle("bytes of one", "C\u{1}a0"), .pickle("bytes of 17", "C\u{11}aaaaaaaaaaaaaaaaa0"),
    .pickle("texts of one", "\u{8C}\u{1}a0"), .pickle("texts of 17", "\u{8C}\u{11}aaaaaaaaaaaaaaaaa0"),
    .pickle("a full memo", "\u{94}", start: "N", end: "."), .pickle("marks", "("),
    .pickle("wide integers", "\u{8A}\u{9}aaaaaaaaa0"), .pickle("decimal integers", "I1\n0"),
    .pickle("decimal numbers", "F1.25e-300\n0"), .pickle("persistent ids", "NQ0"),
    .pickle("lines of persistent ids", "P\n0"), .pickle("one global", "ctorch\nSize\n0"),
    .pickle("calls", "h\u{0})R0", start: "ctorch\nSize\nq\u{0}0"),
    .pickle("mappings", "h\u{0})R0", start: "ccollections\nOrderedDict\nq\u{0}0"),
    Case(
      testDescription: "index of many numbers", name: "model.safetensors.index.json",
      start: Array(#"{"weight_map":{},"x":["#.utf8), piece: Array("1,".utf8), end: Array("1]}".utf8)),
    Case(
      testDescription: "index of many objects", name: "pytorch_model.bin.index.json",
      start: Array(#"{"weight_map":{},"x":["#.utf8), piece: Array("{},".utf8), end: Array("1]}".utf8)),
    Case(
      testDescription: "header of many brackets", name: "model.safetensors",
      start: [0, 0, 0x90, 0, 0, 0, 0, 0] + Array(#"{"a":"#.utf8), piece: Array("[".utf8)),
    Case(
      testDescription: "metadata of the same key", name: "model.gguf",
      start: Array("GGUF".utf8) + [3, 0, 0, 0] + [UInt8](repeating: 0, count: 8) + [
        0xA0, 0x86, 1, 0, 0, 0, 0, 0,
      ],
      piece: [1, 0, 0, 0, 0, 0, 0, 0, 0x61, 0, 0, 0, 0, 1]),
    Case(
      testDescription: "archive without an end", name: "model.npz", start: Array("PK\u{3}\u{4}".utf8),
      piece: Array("PK\u{5}\u{6}".utf8)),
  ]

  @Test(arguments: cases)
  func `a large bad file is refused in short time and little memory`(_ file: Case) throws {
    let folder = try TemporaryFolder()
    let path = try file.write(in: folder)
    let own = try IngotProgram.run("--version").peakResidentBytes
    for command in [["inspect", path], ["hash", path], ["inspect", "--security", path]] {
      let isSurvey = command.contains("--security")
      let result = try IngotProgram.process(command).run()
      // A survey lists what there is, and what ended it.
      #expect(result.exitCode == 65 || isSurvey, "\(result.standardError.prefix(300))")
      #expect(result.signal == nil)
      #expect(result.seconds < Self.secondsBound, "\(command)")
      #expect(result.peakResidentBytes - own <= Self.memoryBound, "\(command)")
    }
  }
}
