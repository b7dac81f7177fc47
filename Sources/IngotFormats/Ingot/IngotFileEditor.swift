// SPDX-License-Identifier: Apache-2.0
// Changes the metadata of an `.ingot` file and nothing else: the index is written anew, runs keep their order and bytes, and
// the tail stays, for it counts no offsets; the footer names the new index. Page: formats/ingot.md.
import IngotBytes
import IngotCore

/// Changes the metadata of `.ingot` files.
package struct IngotFileEditor: MetadataEditor {
  /// Makes the editor.
  package init() {}

  /// Header and index with other metadata, up to the data's new place, and the footer that goes with them.
  package func header(
    of source: any ByteSource, changed change: MetadataChange
  ) throws(IngotError) -> EditedHeader {
    let (header, footer, index) = try IngotFileFormat.parts(of: source)
    guard index.sections.isEmpty, index.findings.isEmpty else {
      throw .unsuitable(
        Location(source.path), why: "holds what this program does not know and would lose",
        hint: .remedy(.convert))
    }
    let metadata = try change.applied(to: index.metadata) { (key, text, old) throws(IngotError) in
      try GGUFValueText.value(text, for: key, old: old == .null ? nil : old)
    }
    let tensors = index.tensors.map { PlannedTensor(name: $0.name, $0.type, aliasOf: $0.aliasOf) }
    var draft = IngotFileIndexDraft()
    try draft.put(tensors, aliases: IngotFileAliases(tensors))
    try draft.put(metadata)
    try draft.put(index.companions)
    draft.putNoSections()
    let (bytes, _) = try draft.finish()

    let oldStart = IngotFilePlacement.alignUp(header.indexEnd)
    let newStart = IngotFilePlacement.alignUp(IngotFileLayout.endByteCount + bytes.count)
    // Both are multiples of the alignment, so that gaps stay as long as they are.
    guard let tailOffset = (header.tailOffset - oldStart).checkedAdd(newStart) else {
      throw .unrepresentable(tensor: nil, target: "ingot", why: "more than 2^63 bytes", hint: nil)
    }
    let newHeader = IngotFileHeader(
      indexByteCount: bytes.count, tailOffset: tailOffset, indexDigest: XXH3.digest(of: bytes))
    let newFooter = IngotFileFooter(
      tailOffset: tailOffset, tailByteCount: footer.tailByteCount, indexDigest: newHeader.indexDigest,
      tailDigest: footer.tailDigest)
    let padding = [UInt8](repeating: 0, count: newStart - newHeader.indexEnd)
    return EditedHeader(
      bytes: newHeader.encoded + bytes + padding, dataOffset: oldStart,
      metadata: (index.metadata, metadata), ending: newFooter.encoded)
  }
}
