// SPDX-License-Identifier: Apache-2.0
// What the index of a bundle says of all its tensors, put together from its entries and checked against itself. Knows
// the data files by number only, and nothing of their lengths. Page: formats/tensorflow-bundle.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// What the index of a bundle says.
struct TensorBundleIndex {
  /// Something that is stored as bytes in a data file, but is no tensor of numbers.
  struct Other {
    var name: String
    var dtype: Int
    var shape: Shape
    var range: TensorBundleRange
  }

  /// The header.
  let header: TensorBundleHeader
  /// Tensors of numbers, in the order of their names' bytes; files are numbers of data files.
  private(set) var tensors: [TensorDescriptor] = []
  /// Tensors of strings and of other objects, in the same order.
  private(set) var others: [Other] = []
  /// Remarks on the tensors.
  private(set) var findings: [Finding] = []
  /// Bytes of keys and values, written out.
  private(set) var decodedByteCount = 0

  private let path: String
  /// Entries of slices, until the tensor that lists them comes: its name sorts behind their keys.
  private var slices: [[UInt8]: TensorBundleEntry] = [:]

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - table: the index, at its first entry.
  ///   - path: its file, for messages.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the rules of tables and of protobuf, and with
  ///   TF-01 to TF-12.
  init(_ table: SortedTableReader, path: String) throws(IngotError) {
    var table = table
    self.path = path
    guard let first = try table.next(), table.key.isEmpty else {
      throw .malformed(
        TensorFlowRule.header.rule, at: Location(path), found: "no entry with an empty key",
        expected: "the header, before all others")
    }
    header = try TensorBundleHeader(first, at: Location(path))
    while let value = try table.next() { try add(table.key, value) }
    if let stray = slices.keys.min(by: { $0.lexicographicallyPrecedes($1) }) {
      throw .malformed(
        TensorFlowRule.strayKey.rule, at: Location(path),
        found: .value(String(decoding: stray, as: UTF8.self)),
        expected: "a tensor that lists this slice")
    }
    decodedByteCount = table.decodedByteCount
  }

  private mutating func add(_ key: [UInt8], _ value: ArraySlice<UInt8>) throws(IngotError) {
    guard key.first != 0 else {
      let location = Location(path, key: String(decoding: key, as: UTF8.self))
      slices[key] = try TensorBundleEntry(value, shardCount: header.shardCount, at: location)
      return
    }
    guard let name = String(validating: key, as: UTF8.self) else {
      throw .malformed(
        TensorFlowRule.name.rule, at: Location(path), found: .value(String(decoding: key, as: UTF8.self)),
        expected: "a name in UTF-8")
    }
    let location = Location(path, tensor: name)
    let entry = try TensorBundleEntry(value, shardCount: header.shardCount, at: location)
    guard let dtype = TensorFlowDType.dtype(of: entry.dtype) else {
      return try addOther(name, entry, location)
    }
    if let words = TensorFlowDType.integerName(of: entry.dtype) {
      findings.append(
        Finding(
          .readAs, severity: .note, subject: name,
          detail: "is \(words: words), and read as the \(dtype) it is stored as"))
    }
    let storage =
      entry.slices.isEmpty
      ? TensorStorage(
        entry.range.segment, byteOrder: header.byteOrder,
        checksum: .crc32c(entry.range.crc32c, rule: TensorFlowRule.checksum.rule))
      : try storage(of: entry, named: name, at: location)
    tensors.append(TensorDescriptor(name: name, dtype: dtype, shape: entry.shape, storage: storage))
  }

  private mutating func addOther(
    _ name: String, _ entry: TensorBundleEntry, _ location: Location
  ) throws(IngotError) {
    guard entry.slices.isEmpty else { throw .unsupported("strings or objects in slices", at: location) }
    others.append(Other(name: name, dtype: entry.dtype, shape: entry.shape, range: entry.range))
  }

  /// Puts a partitioned variable together: TF-10 and TF-11.
  private mutating func storage(
    of entry: TensorBundleEntry, named name: String, at location: Location
  ) throws(IngotError) -> TensorStorage {
    let partition = try TensorBundlePartition(entry.slices, of: entry.shape, at: location)
    var segments: [StorageSegment] = []
    var checksums: [UInt32] = []
    for index in partition.order {
      let slice = entry.slices[index]
      // A slice that is the whole tensor has no entry of its own in any file that TensorFlow writes.
      guard let stored = slices.removeValue(forKey: slice.key(of: name)), stored.dtype == entry.dtype,
        stored.slices.isEmpty, stored.shape == slice.box(in: entry.shape)?.shape
      else {
        throw .malformed(
          TensorFlowRule.slice.rule, at: location, found: "a slice without an entry of its type and shape",
          expected: "one")
      }
      segments.append(stored.range.segment)
      checksums.append(stored.range.crc32c)
    }
    var storage = TensorStorage(
      StorageSegment(file: 0, offset: 0, byteCount: 0), byteOrder: header.byteOrder, layout: partition.layout,
      checksum: .crc32cOfSegments(checksums, rule: TensorFlowRule.checksum.rule))
    storage.segments = .many(segments)
    return storage
  }
}
