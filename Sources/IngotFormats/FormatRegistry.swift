// SPDX-License-Identifier: Apache-2.0
// The list of formats, and how a file's format is found: by content first, by extension only where no content tells.
import IngotBytes
import IngotCore

/// All formats.
package enum FormatRegistry {
  /// Every format, in the order in which content is tried; the strictest marks first.
  package static let formats: [any CheckpointFormat] = [
    IngotFileFormat(), GGUFFormat(), PyTorchFormat(), NumPyArchiveFormat(), NumPyArrayFormat(), LLMCFormat(),
    SafetensorsFormat(), TensorFlowFormat(), OpenAIParamsFormat(), CTranslate2Format(),
    Llama2CFormat(),
  ]

  /// Bytes from a file's start that recognising may look at.
  package static let firstByteCount = 512

  /// The format with an id.
  package static func format(id: String) -> (any CheckpointFormat)? {
    formats.first { $0.id == id.lowercased() }
  }

  /// The format that a user means by a name: its id, an extension that it alone has, or what people call it.
  package static func format(named name: String) -> (any CheckpointFormat)? {
    if let format = format(id: name) { return format }
    let name = name.lowercased()
    if let id = otherNames[name] { return format(id: id) }
    let byExtension = formats(forExtension: name)
    return byExtension.count == 1 ? byExtension.first : nil
  }

  /// What people call formats whose ids are other words.
  private static let otherNames = [
    "torch": "pytorch", "tf": "tensorflow", "numpy": "npz", "llm.c": "llmc", "llama2.c": "llama2c",
  ]

  /// The formats that claim an extension.
  package static func formats(forExtension name: String) -> [any CheckpointFormat] {
    formats.filter { $0.fileExtensions.contains(name) }
  }

  /// The format whose checkpoints are opened by a file of this name.
  static func format(openedBy name: String) -> (any CheckpointFormat)? {
    formats.first { $0.fileName == name }
  }

  /// The one format that claims a file by its name or extension; an extension that several claim tells nothing.
  static func claimant(of path: String) -> (any CheckpointFormat)? {
    if let format = format(openedBy: FilePath.name(of: path)) { return format }
    let byName = formats(forExtension: FilePath.fileExtension(of: path))
    return byName.count == 1 ? byName.first : nil
  }

  /// The first bytes of a file.
  static func firstBytes(of source: any ByteSource) throws(IngotError) -> [UInt8] {
    try source.bytes(at: 0, count: min(firstByteCount, source.byteCount))
  }

  /// The format of a file: what its content shows, else what its extension claims.
  ///
  /// - Parameter source: the file.
  /// - Returns: the format that is to read it.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for what is known to be something else, and
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` when nothing tells.
  package static func detect(_ source: any ByteSource) throws(IngotError) -> any CheckpointFormat {
    let firstBytes = try firstBytes(of: source)
    let byContent = formats.first { $0.recognizes(firstBytes: firstBytes, byteCount: source.byteCount) }
    if let byContent { return byContent }
    let claimant = claimant(of: source.path)
    if let claimant, claimant.fileName != nil { return claimant }
    if let refusal = try ForeignContent.refusal(of: source, isClaimed: claimant != nil) { throw refusal }
    if let claimant { return claimant }
    throw .unsupported(
      "a file of no known format; \(verb: .formats) lists those that are read", at: Location(source.path))
  }
}
