// SPDX-License-Identifier: Apache-2.0
// The JSON that says what a checkpoint is, for those who look without computing: nothing is thrown, and what can't be read is
// not there.
import IngotBytes
import IngotCore
import IngotEncodings
import IngotOutput

/// A config or another small document beside weights, or inside them, as it stands.
package struct ConfigDocument: Sendable {
  /// The name of its file.
  package let name: String
  /// What it says.
  package let document: Metadata

  /// The config that is looked at for a model: a file, or the checkpoint's own metadata; `nil` where there is none that is an
  /// object.
  package static func config(
    of checkpoint: Checkpoint, at path: String, work: WorkOptions
  ) -> ConfigDocument? {
    if !checkpoint.companions.contains(where: { $0.kind == .config }),
      let document = InnerConfig.document(of: checkpoint)
    {
      return ConfigDocument(name: FilePath.name(of: path), document: document)
    }
    guard let found = try? Model.findConfig(nil, or: nil, for: checkpoint, at: path, work.system),
      let document = try? JSONDocument.object(found.0.bytes)
    else { return nil }
    return ConfigDocument(name: found.0.name, document: document)
  }

  /// The file of a name inside a checkpoint, or beside it; `nil` where there is none that is an object.
  package static func file(
    _ name: String, of checkpoint: Checkpoint, at path: String, work: WorkOptions
  ) -> ConfigDocument? {
    let folder = CompanionScan.folder(of: path, system: work.system)
    let inside = checkpoint.companions.first { $0.name == name }?.bytes
    guard
      let bytes = inside ?? (try? Companions.text(FilePath.join(folder, name), system: work.system)),
      let document = try? JSONDocument.object(bytes)
    else { return nil }
    return ConfigDocument(name: name, document: document)
  }
}
