// SPDX-License-Identifier: Apache-2.0
// Writes config.json for a model that has none yet, with transformers' keys. Page: formats/config.md.
import IngotCore
import IngotEncodings
import IngotGraph

/// The configs that published sizes of a model have.
public enum ModelPreset: String, CaseIterable, Sendable {
  case gpt2
  case gpt2Medium = "gpt2-medium"
  case gpt2Large = "gpt2-large"
  case gpt2XL = "gpt2-xl"

  /// The numbers.
  ///
  /// - SeeAlso: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, table 2, with the heads of
  ///   the published `hparams.json`.
  public var config: ModelConfig {
    switch self {
    case .gpt2: ModelConfig()
    case .gpt2Medium: ModelConfig(width: 1024, blockCount: 24, headCount: 16)
    case .gpt2Large: ModelConfig(width: 1280, blockCount: 36, headCount: 20)
    case .gpt2XL: ModelConfig(width: 1600, blockCount: 48, headCount: 25)
    }
  }
}

/// Writes a config.
public enum ConfigWriter {
  /// GPT-2's numbers as transformers' config.json has them.
  ///
  /// - Parameters:
  ///   - config: the numbers.
  ///   - document: a config.json whose other keys are kept.
  /// - Returns: the file's bytes.
  public static func gpt2(_ config: ModelConfig, keeping document: Metadata = Metadata()) -> [UInt8] {
    bytes(of: Self.document(config, keeping: document))
  }

  /// A document as the bytes of its file.
  public static func bytes(of document: Metadata) -> [UInt8] {
    Array((JSONWriter.text(document, style: .indented) + "\n").utf8)
  }

  /// The same as a document.
  public static func document(_ config: ModelConfig, keeping document: Metadata = Metadata()) -> Metadata {
    func integer(_ value: Int) -> MetadataValue { .int64(Int64(value)) }
    let isWide = config.feedForwardWidth != 4 * config.width
    let keys: [(String, MetadataValue)] = [
      ("activation_function", .string(config.activation.rawValue)),
      ("architectures", .array([.string("GPT2LMHeadModel")])),
      ("initializer_range", .float64(0.02)),
      ("layer_norm_epsilon", .float64(config.layerNormEpsilon)),
      ("model_type", .string("gpt2")),
      ("n_embd", integer(config.width)),
      ("n_head", integer(config.headCount)),
      ("n_inner", isWide ? integer(config.feedForwardWidth) : .null),
      ("n_layer", integer(config.blockCount)),
      ("n_positions", integer(config.contextLength)),
      ("scale_attn_by_inverse_layer_idx", .bool(config.scalesAttentionByBlock)),
      ("scale_attn_weights", .bool(config.scalesAttention)),
      ("tie_word_embeddings", .bool(config.tiesHead)),
      ("vocab_size", integer(config.vocabularySize)),
    ]
    var result = Metadata(keys.map { .init(key: $0.0, value: $0.1) })
    for entry in document.entries where isKept(entry.key) { result[entry.key] = entry.value }
    return result
  }

  /// Whether a key of another document says something that the numbers do not.
  private static func isKept(_ name: String) -> Bool {
    if name == "model_type" { return false }
    guard let key = ConfigKey.gpt2.first(where: { $0.name == name || $0.aliases.contains(name) }) else {
      return true
    }
    if case .honoured = key.effect { return false }
    return true
  }
}
