// SPDX-License-Identifier: Apache-2.0
// Changes the `__metadata__` of a safetensors header and nothing else: tensors' entries keep their text and order.
// Page: formats/safetensors.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// Changes the metadata of safetensors files.
package struct SafetensorsEditor: MetadataEditor {
  /// Makes the editor.
  package init() {}

  /// The header with other metadata, padded with spaces to the old length where it fits, else to a multiple of 8.
  package func header(
    of source: any ByteSource, changed change: MetadataChange
  ) throws(IngotError) -> EditedHeader {
    let headerEnd = try SafetensorsFormat.headerEnd(of: source)
    let bytes = try source.bytes(at: 0, count: headerEnd)
    let header = try SafetensorsHeader(
      bytes, dataByteCount: source.byteCount - headerEnd, path: source.path)
    // Entries that are other names of tensors are no metadata: they stay, and none comes to be.
    let names = Set(header.entries.map { ExactName($0.name) })
    let aliases = header.metadata.entries.filter { SafetensorsAliases.isAlias($0, of: names) }
    let old = Metadata(header.metadata.entries.filter { !SafetensorsAliases.isAlias($0, of: names) })
    let metadata = try change.applied(to: old) { (key, text, _) throws(IngotError) in
      guard !aliases.contains(where: { ExactName($0.key) == ExactName(key) }) else {
        throw .invalidRequest(option: .values, why: "\(key) is another name of a tensor, no metadata")
      }
      let entry = Metadata.Entry(key: key, value: .string(text))
      guard !SafetensorsAliases.isAlias(entry, of: names) else {
        throw .invalidRequest(
          option: .values, why: "\(key) would be read as another name of the tensor \(text)")
      }
      return entry.value
    }

    var members = try Self.entries(of: bytes, path: source.path)
    let written = Metadata(aliases + metadata.entries)
    if !written.isEmpty {
      let text = JSONWriter.quoted(SafetensorsHeader.metadataKey) + ":" + JSONWriter.text(written)
      members.insert(ArraySlice(text.utf8), at: 0)
    }
    var json: [UInt8] = [UInt8(ascii: "{")]
    json += members.joined(separator: CollectionOfOne(UInt8(ascii: ",")))
    json.append(UInt8(ascii: "}"))
    let length = json.count <= headerEnd - 8 ? headerEnd - 8 : (json.count + 7) / 8 * 8
    json += [UInt8](repeating: 0x20, count: length - json.count)
    guard UInt64(length) <= Limit.safetensorsHeaderBytes.value else {
      throw .limitExceeded(.safetensorsHeaderBytes, at: Location(source.path), asked: UInt64(length))
    }
    var prefix: [UInt8] = []
    prefix.appendLittle(UInt64(length))
    return EditedHeader(bytes: prefix + json, dataOffset: headerEnd, metadata: (old, metadata))
  }

  /// The text of each member of the header but the metadata, as it stands.
  private static func entries(of bytes: [UInt8], path: String) throws(IngotError) -> [ArraySlice<UInt8>] {
    var scanner = JSONScanner(bytes, range: 8..<bytes.count)
    var members: [ArraySlice<UInt8>] = []
    do throws(JSONFailure) {
      try scanner.enterObject()
      while let key = try scanner.nextKey() {
        try scanner.skipValue()
        if key.name != SafetensorsHeader.metadataKey { members.append(bytes[key.offset..<scanner.offset]) }
      }
    } catch {
      throw IngotError(error, rule: SafetensorsRule.json.rule, at: Location(path))
    }
    return members
  }
}
