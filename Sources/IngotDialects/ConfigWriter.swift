// SPDX-License-Identifier: Apache-2.0
// Writes config.json for a model that has none yet, with transformers' keys. Page: formats/config.md.
import IngotCore
import IngotEncodings
import IngotGraph

/// Writes a config.
package enum ConfigWriter {
  /// A model's numbers as transformers' config.json has them.
  ///
  /// - Parameters:
  ///   - config: the numbers.
  ///   - architecture: the architecture.
  ///   - document: a config.json whose other keys are kept.
  /// - Returns: the file's bytes.
  package static func bytes(
    _ config: ModelConfig, of architecture: Architecture, keeping document: Metadata = Metadata()
  ) -> [UInt8] {
    bytes(of: Self.document(config, of: architecture, keeping: document))
  }

  /// A document as the bytes of its file.
  package static func bytes(of document: Metadata) -> [UInt8] {
    Array((JSONWriter.text(document, style: .indented) + "\n").utf8)
  }

  /// The same as a document.
  package static func document(
    _ config: ModelConfig, of architecture: Architecture, keeping document: Metadata = Metadata()
  ) -> Metadata {
    var keys = architecture.statements + [("model_type", .string(architecture.id))]
    for key in architecture.keys {
      guard let value = stated(key, config, architecture), value != .null || !key.isLeftOutWhenNull else {
        continue
      }
      keys.append((key.name, value))
    }
    keys.sort { $0.key < $1.key }
    var result = Metadata(keys.map { .init(key: $0.key, value: $0.value) })
    result.set(document.entries.filter { isKept($0, config, architecture) })
    return result
  }

  private static func stated(
    _ key: ConfigKey, _ config: ModelConfig, _ architecture: Architecture
  ) -> MetadataValue? {
    guard !key.isOfHead else { return nil }
    guard case .head? = key.binding else { return key.binding?.stated(in: config) }
    let name = architecture.heads.first { $0.id == config[.head] }?.classes.first
    return name.map { .array([.string($0)]) }
  }

  /// Whether a key of another document says something that the numbers do not.
  private static func isKept(
    _ entry: Metadata.Entry, _ config: ModelConfig, _ architecture: Architecture
  ) -> Bool {
    if entry.key == "model_type" { return false }
    guard let key = architecture.keys.key(spelled: entry.key), !key.isOfHead else { return true }
    switch key.binding {
    case nil: return true
    case .head?:
      // One of the names that this head has, or of something that is no head.
      guard case .array(let classes) = entry.value else { return true }
      let heads = classes.compactMap { $0.text.flatMap(architecture.head(ofClass:)) }
      return heads.first.map { $0.id == config[.head] } ?? true
    default: return false
    }
  }
}
