// SPDX-License-Identifier: Apache-2.0
// Reads one safetensors file: its length field and header; the data stays where it is.
// Sets of files are ShardIndex's. Page: formats/safetensors.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// The safetensors format.
package struct SafetensorsFormat: CheckpointFormat {
  /// Makes the format.
  package init() {}

  /// `safetensors`, in reports and options.
  package let id = "safetensors"
  /// The project's own spelling.
  package let title = "safetensors"
  /// The one extension.
  package let fileExtensions = ["safetensors"]
  /// The page under `formats/`.
  package let page = "safetensors.md"
  /// Plans files and sets of files.
  package var writer: (any CheckpointWriter)? { SafetensorsWriter() }

  /// Changes metadata without moving through tensors.
  package var metadataEditor: (any MetadataEditor)? { SafetensorsEditor() }

  /// Eight bytes of length, then `{`: with a length that a header can have.
  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool {
    var cursor = ByteCursor(firstBytes)
    guard let length = cursor.little(UInt64.self), cursor.bytes(1)?.first == UInt8(ascii: "{") else {
      return false
    }
    return length <= Limit.safetensorsHeaderBytes.value
  }

  /// Reads the header; rules are checked in the order of the page.
  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    let headerEnd = try Self.headerEnd(of: source)
    let dataByteCount = source.byteCount - headerEnd
    let header = try SafetensorsHeader(
      source.bytes(at: 0, count: headerEnd), dataByteCount: dataByteCount, path: source.path)
    let tensors = header.entries.map { entry in
      TensorDescriptor(
        name: entry.name, dtype: entry.dtype, shape: entry.shape,
        storage: TensorStorage(
          StorageSegment(file: 0, offset: headerEnd + entry.range.lowerBound, byteCount: entry.range.count)))
    }
    let aliases = SafetensorsAliases(header.metadata, of: tensors)
    return Checkpoint(
      format: id, files: [CheckpointFile(path: source.path, byteCount: source.byteCount)],
      tensors: aliases.tensors.isEmpty ? tensors : tensors + aliases.tensors, metadata: aliases.metadata,
      indexByteCount: headerEnd)
  }

  /// Reads and checks the length field: ST-01 to ST-04.
  static func headerEnd(of source: any ByteSource) throws(IngotError) -> Int {
    func malformed(_ rule: SafetensorsRule, _ offset: Int, _ found: Evidence, _ expected: Evidence)
      -> IngotError
    {
      .malformed(rule.rule, at: Location(source.path, offset: offset), found: found, expected: expected)
    }
    guard source.byteCount >= 8 else {
      throw malformed(
        .lengthField, 0, "a file of \(source.byteCount, "byte")", "at least 8 for the header's length")
    }
    var cursor = ByteCursor(try source.bytes(at: 0, count: 8))
    let length = cursor.little(UInt64.self) ?? 0
    guard length <= UInt64(source.byteCount - 8), let count = Int(exactly: length) else {
      throw malformed(
        .headerInFile, 0, "a header of \(length, "byte") in a file of \(source.byteCount)",
        "at most \(source.byteCount - 8)")
    }
    guard length <= Limit.safetensorsHeaderBytes.value else {
      throw malformed(
        .headerLimit, 0, "a header of \(length, "byte")", "at most \(Limit.safetensorsHeaderBytes.value)")
    }
    let first = count > 0 ? try source.bytes(at: 8, count: 1).first : nil
    guard first == UInt8(ascii: "{") else {
      throw malformed(
        .openingBrace, 8, first.map { .value(String(decoding: [$0], as: UTF8.self)) } ?? "nothing",
        "an opening brace")
    }
    return 8 + count
  }
}
