// SPDX-License-Identifier: Apache-2.0
// The config that a checkpoint's own metadata hold: GGUF's keys, llm.c's header, nanoGPT's arguments.
import IngotCore
import IngotDialects
import IngotFormats

/// Configs inside metadata.
enum InnerConfig {
  /// What config.json would say of a checkpoint whose metadata hold a config; `nil` for one whose metadata hold none.
  ///
  /// - Parameter checkpoint: the checkpoint.
  /// - Returns: the document, for ``IngotDialects/ConfigReader`` to check.
  static func document(of checkpoint: Checkpoint) -> Metadata? {
    let metadata = checkpoint.metadata
    if let architecture = metadata.string("general.architecture") {
      return ggufDocument(of: checkpoint, architecture: architecture)
    }
    if metadata["llmc.n_layer"] != nil { return ConfigForm.llmc.document(from: metadata) }
    if case .object(let arguments)? = metadata["model_args"] {
      return ConfigForm.nanoGPT.document(from: arguments)
    }
    return nil
  }

  /// GGUF says neither whether the head is tied nor, of old, how many tokens there are: the tensors do.
  private static func ggufDocument(of checkpoint: Checkpoint, architecture: String) -> Metadata {
    var document = ConfigForm.gguf.document(from: checkpoint.metadata)
    document["model_type"] = .string(architecture)
    func tensor(_ name: String) -> TensorDescriptor? { checkpoint.tensors.first { $0.name == name } }
    if let rows = tensor("token_embd.weight")?.shape.dimensions.first {
      document["vocab_size"] = .int64(Int64(rows))
    }
    document["tie_word_embeddings"] = .bool(tensor("output.weight") == nil)
    return document
  }

  /// Metadata without the keys that a config was read from, and without those that only its own format needs.
  static func stripped(_ metadata: Metadata) -> Metadata {
    let known = Set((ConfigForm.gguf.rows + ConfigForm.llmc.rows).map(\.spelling) + others)
    return Metadata(metadata.entries.filter { !known.contains($0.key) })
  }

  private static let others = [
    "general.architecture", "general.file_type", "general.alignment", "general.quantization_version",
    "ingot.config", "llmc.version", "llmc.padded_vocab_size", "model_args",
  ]
}

extension IngotError {
  /// Whether it is a config that is there and can't be read.
  var isUnreadableConfig: Bool {
    switch self {
    case .malformed(let rule, _, _, _): rule == ConfigRule.json.rule
    case .limitExceeded, .environment, .sourceChanged, .interrupted, .internal: true
    default: false
    }
  }

  /// Why a checkpoint is understood as no model; `nil` for errors of another kind.
  var reason: Evidence? {
    switch self {
    case .malformed(_, let location, let found, let expected):
      let key = location.key.map { key -> Evidence in "\(key): " } ?? ""
      return "\(key)\(found), expected \(expected) in \(location.file)"
    case .unsupported(let what, let location): return "\(location.file) names \(what)"
    case .unsuitable(let location, let why, _): return "\(location.file) \(why)"
    case .missing(_, let why, let hint): return hint.map { "it \(why); \($0)" } ?? "it \(why)"
    default: return nil
    }
  }
}
