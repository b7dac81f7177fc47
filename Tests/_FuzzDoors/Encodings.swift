// SPDX-License-Identifier: Apache-2.0
// Doors into the languages that formats are written in.
import IngotBytes
import IngotDialects
import IngotEncodings
import IngotFormats
import IngotKit

extension FuzzDoor {
  static let encodings: [FuzzDoor] = [
    FuzzDoor("json") { (bytes) throws(IngotError) in try readJSON(bytes) },
    FuzzDoor("zip") { (bytes) throws(IngotError) in
      let source = MemoryByteSource(bytes, path: "fuzzed.zip")
      for entry in try ZipDirectory(source).entries {
        precondition(entry.dataOffset + entry.storedByteCount <= bytes.count, "an entry outside the archive")
      }
    },
    FuzzDoor("pickle") { (bytes) throws(IngotError) in
      // One pickle, or a stream of them, with what it would call.
      var scanner = ContentScanner(CheckpointOpener())
      try scanner.scan(MemoryByteSource(bytes, path: "fuzzed.pkl"))
      if let failure = scanner.files.first?.survey.failures.first { throw failure }
    },
    FuzzDoor("sorted-table", greatestByteCount: 8192) { (bytes) throws(IngotError) in
      let mended = TableMender.mend(bytes)
      var table = try SortedTableReader(MemoryByteSource(mended, path: "fuzzed.index"))
      while let value = try table.next() { precondition(value.count <= table.decodedByteCount) }
    },
    FuzzDoor("snappy") { (bytes) throws(IngotError) in
      // A table whose first block is the bytes: what stands behind it tells that they are Snappy's.
      _ = try SortedTableReader(MemoryByteSource(SnappyTable.bytes(around: bytes), path: "fuzzed.index"))
    },
    FuzzDoor("protobuf") { (bytes) throws(IngotError) in
      try readMessage(ProtobufReader(bytes[...], at: Location("fuzzed.pb")), depth: 0)
    },
  ]

  /// A document that is read is the same after it was written.
  private static func readJSON(_ bytes: [UInt8]) throws(IngotError) {
    let rule = ConfigRule.json.rule
    do throws(JSONFailure) {
      let document = try JSONDocument.object(bytes)
      for style in [JSONWriter.Style.compact, .indented] {
        let again = try JSONDocument.object(Array(JSONWriter.text(document, style: style).utf8))
        precondition(again == document, "another document after it was written")
      }
    } catch {
      throw IngotError(error, rule: rule, at: Location("fuzzed.json"))
    }
  }

  /// Every field by every type that it can have.
  private static func readMessage(_ message: ProtobufReader, depth: Int) throws(IngotError) {
    var message = message
    while let field = try message.next() {
      _ = try? field.integer()
      _ = try? field.fixed32()
      if depth < 8, let inner = try? field.message() { try? readMessage(inner, depth: depth + 1) }
    }
  }
}

/// Sorted tables around one block of Snappy's.
private enum SnappyTable {
  /// A table whose index is the packed block.
  static func bytes(around block: [UInt8]) -> [UInt8] {
    var table = block + [1]
    table.appendLittle(CRC32C.masked(CRC32C.value(of: table[...])))
    var footer: [UInt8] = [0, 0, 0]
    footer.appendVarint(UInt64(block.count))
    footer += [UInt8](repeating: 0, count: 40 - footer.count)
    return table + footer + [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]
  }
}
