// SPDX-License-Identifier: Apache-2.0
// Sorted tables of many blocks, written here and read by a reader made from the page alone, and the bounds of reading.
import IngotBytes
import IngotCore
import IngotEncodings
import IngotTestSupport
import Testing

@Suite struct SortedTableTests {
  /// Entries enough for several blocks, with keys of all lengths and kinds of neighbours.
  static let entries: [(key: [UInt8], value: [UInt8])] = {
    var random = SeededRandom(seed: 4)
    var keys = Set<[UInt8]>([[]])
    for index in 0..<12_000 { keys.insert(Array("layer/\(index % 97)/\(index)/kernel".utf8)) }
    for _ in 0..<3_000 { keys.insert(random.bytes(random.integer(in: 1...40))) }
    for count in 1...20 { keys.insert([UInt8](repeating: 0xFF, count: count)) }
    let sorted = keys.sorted { $0.lexicographicallyPrecedes($1) }
    return sorted.map { ($0, random.bytes(random.integer(in: 0...60))) }
  }()

  static func table(_ entries: [(key: [UInt8], value: [UInt8])]) -> [UInt8] {
    var writer = SortedTableWriter()
    for (key, value) in entries { writer.put(key, value) }
    return writer.finish()
  }

  static func read(_ bytes: [UInt8]) throws(IngotError) -> [(key: [UInt8], value: [UInt8])] {
    var reader = try SortedTableReader(MemoryByteSource(bytes, path: "table"))
    var entries: [(key: [UInt8], value: [UInt8])] = []
    while let value = try reader.next() { entries.append((reader.key, Array(value))) }
    return entries
  }

  @Test func `what was put is read`() throws {
    for entries in [Self.entries, Array(Self.entries.prefix(1)), []] {
      let read = try Self.read(Self.table(entries))
      #expect(read.count == entries.count)
      for (left, right) in zip(read, entries) { #expect(left == right) }
    }
  }

  @Test func `an entry larger than a block is read`() throws {
    let entries: [(key: [UInt8], value: [UInt8])] = [
      ([1], [5]), ([2], [UInt8](repeating: 7, count: 700_000)), ([3], [6]),
    ]
    let read = try Self.read(Self.table(entries))
    #expect(read.map(\.value) == entries.map(\.value))
  }

  @Test func `a table is no larger than its entries tell beforehand`() {
    for entries in [Self.entries, Array(Self.entries.prefix(1)), []] {
      let bound = entries.reduce(SortedTableWriter.emptyByteCount) {
        $0 + SortedTableWriter.greatestByteCount(keyByteCount: $1.key.count, valueByteCount: $1.value.count)
      }
      #expect(Self.table(entries).count <= bound)
    }
  }

  @Test func `a reader made from the page alone reads the same`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.table(Self.entries), to: "table")
    let code = """
      import pathlib, sys
      sys.path.insert(0, sys.argv[1])
      from readers.tensorflow_reader import table_entries
      for key, value in table_entries(pathlib.Path(sys.argv[2]).read_bytes()):
          print(key.hex(), value.hex())
      """
    let result = try PythonPeer.run(code: code, [Fixture.path(""), path])
    let lines = result.standardOutput.split(separator: "\n")
    try #require(lines.count == Self.entries.count)
    for (line, entry) in zip(lines, Self.entries) {
      #expect(line == "\(hexadecimal(entry.key)) \(hexadecimal(entry.value))")
    }
  }

  @Test func `a key over the limit is refused`() {
    let key = [UInt8](repeating: 1, count: Int(Limit.sortedTableKeyBytes.value) + 1)
    #expect {
      try Self.read(Self.table([(key, [])]))
    } throws: { error in
      guard case .limitExceeded(.sortedTableKeyBytes, _, 65_537)? = error as? IngotError else { return false }
      return true
    }
  }

  @Test func `a file over the limit is refused unread`() {
    #expect {
      _ = try SortedTableReader(Endless())
    } throws: { error in
      guard case .limitExceeded(.sortedTableBytes, _, _)? = error as? IngotError else { return false }
      return true
    }
  }

  private struct Endless: ByteSource {
    let path = "endless"
    let byteCount = Int.max
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
      throw .internal("a read")
    }
  }
}
