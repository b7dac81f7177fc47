// SPDX-License-Identifier: Apache-2.0
// Tied tensors as `safetensors.torch.save_model` keeps them: one is stored, and the metadata has the other names of it.
// Page: formats/safetensors.md, "Tied tensors".
import IngotCore

/// The aliases that a file's metadata names.
struct SafetensorsAliases {
  /// The key that says which framework wrote a file; it names no tensor.
  static let formatKey = "format"

  /// The aliases, each with the storage of the tensor that it is another name of.
  let tensors: [TensorDescriptor]
  /// The metadata without them.
  let metadata: Metadata

  /// Whether an entry is read as another name of a tensor.
  ///
  /// - Parameters:
  ///   - entry: an entry of the metadata.
  ///   - names: the names of the stored tensors.
  /// - Returns: whether its key is no tensor, and its value is one.
  static func isAlias(_ entry: Metadata.Entry, of names: Set<ExactName>) -> Bool {
    guard entry.key != formatKey, case .string(let target) = entry.value else { return false }
    return names.contains(ExactName(target)) && !names.contains(ExactName(entry.key))
  }

  /// Takes every entry whose key is no tensor and whose value is one.
  init(_ metadata: Metadata, of tensors: [TensorDescriptor]) {
    var wanted: [ExactName: Int?] = [:]
    for entry in metadata.entries where entry.key != Self.formatKey {
      guard case .string(let target) = entry.value else { continue }
      wanted[ExactName(entry.key)] = .some(nil)
      wanted[ExactName(target)] = .some(nil)
    }
    guard !wanted.isEmpty else {
      (self.tensors, self.metadata) = ([], metadata)
      return
    }
    for (index, tensor) in tensors.enumerated() where wanted[ExactName(tensor.name)] != nil {
      wanted[ExactName(tensor.name)] = index
    }
    var aliases: [TensorDescriptor] = []
    var rest: [Metadata.Entry] = []
    for entry in metadata.entries {
      if entry.key != Self.formatKey, case .string(let target) = entry.value,
        (wanted[ExactName(entry.key)] ?? nil) == nil, let index = wanted[ExactName(target)] ?? nil
      {
        var alias = tensors[index]
        alias.name = entry.key
        alias.aliasOf = target
        aliases.append(alias)
      } else {
        rest.append(entry)
      }
    }
    self.tensors = aliases
    self.metadata = Metadata(rest)
  }
}
