// SPDX-License-Identifier: Apache-2.0
// What a tensor of an adapter is for, by its name: `base_model.model.MODULE.lora_A.weight`, and the other forms in which
// PEFT stores one.
import IngotCore

/// A tensor's name, taken apart.
struct AdapterTensorName {
  /// What a tensor is for.
  enum Part: Hashable {
    /// The narrow matrix next to the inputs, `[r, in]`.
    case a
    /// The narrow matrix next to the outputs, `[out, r]`.
    case b
    /// The same of an embedding: `[r, V]` and `[D, r]`.
    case embeddingA, embeddingB
    /// The size of each output channel.
    case magnitude
    /// A tensor that takes the place of one of the base.
    case stored
  }

  /// What the tensor is for.
  let part: Part
  /// The module; of a stored tensor the whole name that the base has it by.
  let module: String

  /// What PEFT puts before the base's own names.
  private static let prefix = "base_model.model."
  /// The forms of the name of each part.
  private static let parts: [String: (part: Part, ends: Set<[String]>)] = [
    "lora_A": (.a, [["weight"]]), "lora_B": (.b, [["weight"]]),
    "lora_embedding_A": (.embeddingA, [[]]), "lora_embedding_B": (.embeddingB, [[]]),
    "lora_magnitude_vector": (.magnitude, [[], ["weight"]]),
  ]

  /// Takes a name apart.
  ///
  /// - Parameters:
  ///   - name: the tensor's.
  ///   - path: its file, for messages.
  /// - Throws: ``IngotCore/IngotError/unsupported(_:at:)`` for a tensor of an adapter of another kind.
  init(_ name: String, path: String) throws(IngotError) {
    let own = name.hasPrefix(Self.prefix) ? String(name.dropFirst(Self.prefix.count)) : name
    let words = own.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let place = words.lastIndex(where: { $0.hasPrefix("lora_") }) else {
      part = .stored
      module = Self.base(of: words)
      return
    }
    let rest = Array(words[(place + 1)...])
    guard let known = Self.parts[words[place]],
      // The adapter's own name may stand in between.
      known.ends.contains(rest) || known.ends.contains(Array(rest.dropFirst()))
    else {
      let form = words[place...].joined(separator: ".")
      throw .unsupported(
        "a tensor called \(form), which merging does not know", at: Location(path, tensor: name))
    }
    part = known.part
    module = words[..<place].joined(separator: ".")
  }

  /// Whether a tensor that is stored whole is the weight under a module's change, and no other in its place.
  static func isBaseLayer(_ name: String) -> Bool {
    name.split(separator: ".").dropLast().last == "base_layer"
  }

  /// The base's name of a tensor that is stored whole.
  private static func base(of words: [String]) -> String {
    var words = words
    if let place = words.lastIndex(of: "modules_to_save"), place + 1 < words.count {
      words.removeSubrange(place...(place + 1))
    }
    if words.count > 1, words[words.count - 2] == "base_layer" { words.remove(at: words.count - 2) }
    return words.joined(separator: ".")
  }
}
