// SPDX-License-Identifier: Apache-2.0
// Which documents files and folders hold, in which order, and what is passed over or refused.
import Foundation
import IngotBytes
import IngotCore
import IngotCorpus
import IngotTestSupport
import Testing

@Suite struct DocumentStreamTests {
  /// The documents of an input, as `NAME:NUMBER:TEXT`.
  private static func documents(
    _ paths: [String], form: DocumentForm? = nil, separator: String = ""
  ) throws -> (texts: [String], passedOver: PassedOver) {
    var stream = DocumentStream(
      CorpusInput(paths, form: form, separator: separator), system: LiveSystem())
    var texts: [String] = []
    while true {
      let batch = try stream.next()
      guard !batch.documents.isEmpty else { return (texts, stream.passedOver) }
      texts += batch.documents.map { document in
        let text = String(decoding: batch.bytes[document.range], as: UTF8.self)
        return "\(FilePath.name(of: document.source.path)):\(document.number):\(text)"
      }
    }
  }

  @Test func `files hold one document, a line each, or what a separator leaves`() throws {
    let folder = try TemporaryFolder()
    let text = try folder.write("a||b\n\n| |c||".utf8, to: "t.txt")
    #expect(try Self.documents([text]).texts == ["t.txt:1:a||b\n\n| |c||"])
    #expect(try Self.documents([text], form: .lines).texts == ["t.txt:1:a||b", "t.txt:3:| |c||"])
    #expect(try Self.documents([text], separator: "||").texts == ["t.txt:1:a", "t.txt:2:b\n\n| |c"])
    let records = try folder.write("{}\r\n\n [1]".utf8, to: "r.jsonl")
    #expect(try Self.documents([records]).texts == ["r.jsonl:1:{}\r", "r.jsonl:3: [1]"])
    let empty = try folder.write([], to: "e.txt")
    #expect(try Self.documents([empty, records, empty], form: .text).texts.count == 3)
    #expect(try Self.documents([empty], form: .lines).texts == [])
  }

  @Test func `folders are walked by their names' bytes, without what is hidden and links to folders`() throws
  {
    let folder = try TemporaryFolder()
    for name in ["b.txt", "a/z.txt", "a/b/c.txt", "Z.txt", ".git/x.txt", "a/.x", "é.txt"] {
      try folder.write(name.utf8, to: name)
    }
    let manager = FileManager.default
    try manager.createSymbolicLink(atPath: folder.file("a/b/loop"), withDestinationPath: folder.path)
    try manager.createSymbolicLink(
      atPath: folder.file("a/link.txt"), withDestinationPath: folder.file("b.txt"))
    try manager.createSymbolicLink(atPath: folder.file("a/dead"), withDestinationPath: "/nowhere")
    let found = try Self.documents([folder.path])
    #expect(
      found.texts == [
        "Z.txt:1:Z.txt", "c.txt:1:a/b/c.txt", "link.txt:1:b.txt", "z.txt:1:a/z.txt", "b.txt:1:b.txt",
        "é.txt:1:é.txt",
      ])
    #expect((found.passedOver.hidden, found.passedOver.linkedFolders, found.passedOver.others) == (2, 1, 1))
    #expect(throws: IngotError.self) { try Self.documents([folder.file("nothing")]) }
  }

  /// Random lines, some longer than what is read at a time and some as long as a batch: cut as `split` cuts them.
  @Test(arguments: ["\n", "<|endoftext|>", "||"])
  func `documents are whole wherever reads and batches end`(separator: String) throws {
    var random = SeededRandom(seed: 31)
    let folder = try TemporaryFolder()
    var bytes: [UInt8] = []
    for _ in 0..<30 {
      let length = [0, 1, 30, 1000, 262_143, 262_144, 300_000][random.integer(in: 0...6)]
      bytes += repeatElement(UInt8(ascii: "a") + UInt8(random.next() % 26), count: length)
      // A separator that only begins is none.
      bytes += separator.utf8.prefix(random.integer(in: 0...separator.utf8.count - 1))
      bytes += separator.utf8
    }
    bytes += Array(repeating: UInt8(ascii: "x"), count: 1_500_000)
    let path = try folder.write(bytes, to: "t.txt")
    let expected = String(decoding: bytes, as: UTF8.self).components(separatedBy: separator)
      .enumerated().filter { !$1.allSatisfy(\.isWhitespace) }.map { "t.txt:\($0 + 1):\($1)" }
    let found = try Self.documents(
      [path], form: separator == "\n" ? .lines : .text, separator: separator == "\n" ? "" : separator)
    #expect(found.texts == expected)
  }

  /// 262,144 bytes are read at a time.
  @Test(arguments: ["<|endoftext|>", "||"])
  func `a separator is found wherever within it a read ends`(separator: String) throws {
    let folder = try TemporaryFolder()
    for count in 1..<separator.utf8.count {
      let first = String(repeating: "a", count: 262_144 - count)
      let path = try folder.write((first + separator + "b").utf8, to: "t.txt")
      let found = try Self.documents([path], form: .text, separator: separator)
      #expect(
        found.texts.map(\.utf8.count) == ["t.txt:1:".utf8.count + first.utf8.count, "t.txt:2:b".utf8.count])
    }
  }

  @Test(arguments: DocumentForm.allCases)
  func `a document that is too long is refused with its place`(form: DocumentForm) throws {
    let folder = try TemporaryFolder()
    let limit = Int(Limit.corpusDocumentBytes.value)
    let line = [UInt8](repeating: 0x61, count: limit)
    let path = try folder.write(form == .text ? line : [0x61, 0x0A] + line + [0x0A], to: "t")
    #expect(try Self.documents([path], form: form).texts.count == (form == .text ? 1 : 2))
    try folder.write(form == .text ? line + [0x61] : [0x61, 0x0A] + line + [0x61, 0x0A], to: "t")
    let place = form == .text ? Location(path) : Location(path, line: 2)
    let error = #expect(throws: IngotError.self) { try Self.documents([path], form: form) }
    guard case .limitExceeded(.corpusDocumentBytes, at: place, _) = error else {
      return #expect(Bool(false), "\(String(describing: error))")
    }
  }
}
