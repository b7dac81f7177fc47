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
    /// How often the piece stands there at the most: a pickle's stack holds a million.
    var pieceCount: Int?
    /// Whether a reader may also leave out what costs so much, and end well.
    var mayBeRead = false

    /// An object of a PyTorch stream; behind it the file ends, where keys of storages should stand.
    static func pickle(_ what: String, _ piece: String, start: String = "", end: String = "N.") -> Case {
      Case(
        testDescription: "pickle of " + what, name: "model.pt", start: streamHead + latin(start),
        piece: latin(piece), end: latin(end))
    }

    /// An object of a PyTorch stream that is walked, for it stands before an empty list of keys; a list that ends with itself,
    /// unless it says otherwise.
    static func walked(
      _ what: String, _ piece: String, start: String, end: String? = nil, count: Int = 500_000,
      mayBeRead: Bool = false
    ) -> Case {
      var made = Case.pickle(
        "walked: " + what, piece, start: (end == nil ? "]q\u{9}(" : "") + start,
        end: (end ?? "h\u{9}e.") + "\u{80}\u{2}].")
      made.pieceCount = count
      made.mayBeRead = mayBeRead
      return made
    }

    /// A text of as many letters.
    static func text(_ count: Int, end: String = "") -> String {
      let byteCount = count + end.unicodeScalars.count
      let length = (0..<4).map { String(Unicode.Scalar(UInt8(byteCount >> (8 * $0) & 255))) }.joined()
      return "X" + length + String(repeating: "k", count: count) + end
    }

    /// A call of a global with a tuple of arguments.
    static func call(_ global: String, _ arguments: String) -> String {
      "c\(global)\n(\(arguments)tR"
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
      let fitting = (HostileSizeTests.byteCount - start.count - end.count) / piece.count
      let count = min(fitting, pieceCount ?? fitting)
      var bytes = start
      bytes.reserveCapacity(HostileSizeTests.byteCount)
      for _ in 0..<count { bytes += piece }
      return try folder.write(bytes + end, to: name)
    }
  }

  /// A long text that is remembered, and the name of an encoding.
  private static let long = Case.text(100_000) + "q\u{0}"
  private static let latin1 = "X\u{6}\u{0}\u{0}\u{0}latin1"

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
    .walked(
      "a path of one text", "h\u{0}", start: "cpathlib\nPosixPath\n(" + long, end: "tR."),
    .walked(
      "a path as a key", "h\u{0}", start: "}(cpathlib\nPosixPath\n(" + long,
      end: "tRNu."),
    .walked(
      "a path in an object that is left out", "h\u{0}",
      start: "c__main__\nK\n(cpathlib\nPosixPath\n(" + long, end: "tRtR.", mayBeRead: true),
    .walked(
      "a device of one text", "h\u{0}", start: "ctorch\ndevice\n(" + long, end: "tR."),
    .walked(
      "a date of one text", "h\u{0}",
      start: Case.call("datetime\ndatetime", Case.text(100_000)) + "q\u{0}"),
    .walked(
      "bytes that are no Latin-1", "h\u{0}",
      start: Case.call("_codecs\nencode", Case.text(100_000, end: "\u{C4}\u{80}") + latin1) + "q\u{0}"),
    .walked(
      "a call of many arguments", "h\u{0}",
      start: Case.call("datetime\ntimedelta", String(repeating: "N", count: 100_000)) + "q\u{0}"),
    .walked(
      "states that are one dictionary", "h\u{0}b",
      start: "}(" + (0..<10_000).map { "M" + latin16($0) + "N" }.joined()
        + "uq\u{0}0ccollections\nOrderedDict\n)R", end: "."),
    .walked(
      "arrays of one text", "h\u{0}(h\u{5}h\u{1}h\u{6}\u{86}Rh\u{2}h\u{3}h\u{4}tR",
      start: "cnumpy._core.numeric\n_frombuffer\nq\u{0}0" + Case.text(100_000) + "q\u{1}0"
        + Case.call("numpy\ndtype", "X\u{2}\u{0}\u{0}\u{0}u1I00\nI01\n")
        + "q\u{2}0J\u{A0}\u{86}\u{1}\u{0}\u{85}q\u{3}0X\u{1}\u{0}\u{0}\u{0}Cq\u{4}0"
        + "c_codecs\nencode\nq\u{5}0" + latin1 + "q\u{6}0", count: 50_000),
    .walked(
      "objects of many classes below a long key", "N",
      start: "}X\u{1}\u{0}\u{0}\u{0}a}" + Case.text(1_000_000) + "]q\u{9}("
        + (0..<9_000).map { "c__main__\nK\($0)\n)\u{81}" }.joined(), end: "h\u{9}ess."),
    .pickle(
      "calls with one tuple and names", "h\u{0}h\u{1}h\u{2}\u{92}0",
      start: "ctorch\nSize\nq\u{0}0(" + String(repeating: "N", count: 100_000) + "tq\u{1}0}q\u{2}0"),
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

  /// Two bytes of a number, the lower first.
  private static func latin16(_ number: Int) -> String {
    [number & 255, number >> 8].map { String(Unicode.Scalar(UInt8($0))) }.joined()
  }

  @Test(arguments: cases)
  func `a large bad file is refused in short time and little memory`(_ file: Case) throws {
    let folder = try TemporaryFolder()
    let path = try file.write(in: folder)
    let own = try IngotProgram.run("--version").peakResidentBytes
    for command in [["inspect", path], ["hash", path], ["inspect", "--security", path]] {
      let isSurvey = command.contains("--security")
      let result = try IngotProgram.process(command).run()
      // A survey lists what there is, and what ended it.
      #expect(
        result.exitCode == 65 || isSurvey || file.mayBeRead && result.exitCode == 0,
        "\(result.standardError.prefix(300))")
      #expect(result.signal == nil)
      #expect(result.seconds < Self.secondsBound, "\(command)")
      #expect(result.peakResidentBytes - own <= Self.memoryBound, "\(command)")
    }
  }
}
