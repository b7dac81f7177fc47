// SPDX-License-Identifier: Apache-2.0
// Changes the metadata of a GGUF file and nothing else: tensors' fields keep their bytes, and offsets, which count from
// the start of the data, stay true. Page: formats/gguf.md.
import IngotBytes
import IngotCore

/// Changes the metadata of GGUF files.
package struct GGUFEditor: MetadataEditor {
  /// Makes the editor.
  package init() {}

  /// Keys without which the tensors would not be found.
  private static let fixedKeys = [
    GGUFLayout.alignmentKey, GGUFSplit.numberKey, GGUFSplit.countKey, GGUFSplit.tensorCountKey,
  ]

  /// The header with other metadata, padded to the file's alignment; it is as long as the old one only by chance.
  package func header(
    of source: any ByteSource, changed change: MetadataChange
  ) throws(IngotError) -> EditedHeader {
    let header = try GGUFHeader(source)
    guard header.byteOrder == .little else {
      throw .unsupported("editing a big-endian file; \(verb: .convert) turns it", at: Location(source.path))
    }
    let metadata = try change.applied(to: header.metadata) { (key, text, old) throws(IngotError) in
      try Self.value(text, for: key, old: old)
    }
    for key in Self.fixedKeys where metadata[key] != header.metadata[key] {
      throw .unsuitable(
        Location(source.path, key: key), why: "says where the tensors stand, and must stay", hint: nil)
    }
    var encoder = GGUFEncoder()
    encoder.number(header.version)
    encoder.number(UInt64(header.tensors.count))
    encoder.number(UInt64(metadata.entries.count))
    for entry in metadata.entries { _ = encoder.entry(entry.key, entry.value) }
    let fields = try source.bytes(
      at: header.fieldsOffset, count: header.byteCount - header.fieldsOffset)
    guard UInt64(metadata.entries.count) <= Limit.ggufMetadataEntries.value else {
      throw .limitExceeded(
        .ggufMetadataEntries, at: Location(source.path), asked: UInt64(metadata.entries.count))
    }
    let aligned = header.byteCount.checkedAlignUp(to: header.alignment) ?? Int.max
    // A file without tensors may end with its header: then there is nothing to be aligned.
    let alignment = aligned <= source.byteCount ? header.alignment : 1
    return EditedHeader(
      bytes: try Self.padded(encoder.packer.bytes + fields, to: alignment, path: source.path),
      dataOffset: min(aligned, source.byteCount), metadata: (header.metadata, metadata))
  }

  /// The bytes with zeros behind them; an alignment may ask for more than a header may have.
  private static func padded(_ bytes: [UInt8], to alignment: Int, path: String) throws(IngotError) -> [UInt8]
  {
    let end = bytes.count.checkedAlignUp(to: alignment) ?? Int.max
    guard UInt64(end) <= Limit.ggufHeaderBytes.value else {
      throw .limitExceeded(.ggufHeaderBytes, at: Location(path), asked: UInt64(end))
    }
    return bytes + [UInt8](repeating: 0, count: end - bytes.count)
  }

  /// A value as it is asked for, of the type that the key has.
  private static func value(
    _ text: String, for key: String, old: MetadataValue?
  ) throws(IngotError) -> MetadataValue {
    guard (1...GGUFLayout.greatestKeyByteCount).contains(key.utf8.count) else {
      throw .invalidRequest(
        option: .values,
        why: "a key has 1 to \(GGUFLayout.greatestKeyByteCount, "byte"), not \(key.utf8.count)"
      )
    }
    return try GGUFValueText.value(text, for: key, old: old)
  }
}
