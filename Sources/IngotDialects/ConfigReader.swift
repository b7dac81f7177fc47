// SPDX-License-Identifier: Apache-2.0
// Reads config.json and hparams.json: every key is honoured, refused, or reported. Page: formats/config.md.
import IngotCore
import IngotEncodings
import IngotGraph

/// The rules of `formats/config.md`.
public enum ConfigRule: String, FormatRule {
  case json = "CF-01"
  case architecture = "CF-02"
  case type = "CF-03"
  case range = "CF-04"
  case alias = "CF-05"
  case heads = "CF-06"
  case activation = "CF-07"
  case refused = "CF-08"
}

/// A config that was read: the architecture, its numbers, and what was noticed.
public struct ModelConfiguration: Sendable {
  /// The architecture.
  public var architecture: Architecture
  /// Its numbers.
  public var config: ModelConfig
  /// Remarks on keys that mean nothing here.
  public var findings: [Finding]
  /// The file it comes from.
  public var path: String
  /// What config.json says, or would say.
  public var document: Metadata

  /// Makes a configuration.
  public init(
    architecture: Architecture, config: ModelConfig, findings: [Finding], path: String,
    document: Metadata = Metadata()
  ) {
    self.architecture = architecture
    self.config = config
    self.findings = findings
    self.path = path
    self.document = document
  }
}

/// Reads one config.
public struct ConfigReader {
  private let document: Metadata
  private let path: String

  /// Parses the document.
  ///
  /// - Parameters:
  ///   - bytes: JSON.
  ///   - path: the file, for messages.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with CF-01.
  public init(_ bytes: [UInt8], path: String) throws(IngotError) {
    do throws(JSONFailure) {
      document = try JSONDocument.object(bytes)
    } catch {
      throw IngotError(error, rule: ConfigRule.json.rule, at: Location(path))
    }
    self.path = path
  }

  /// Takes a document that was put together from another program's keys.
  public init(document: Metadata, path: String) {
    self.document = document
    self.path = path
  }

  /// Reads the configuration.
  ///
  /// - Returns: the architecture with its numbers.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule broken, in the order of the
  ///   rules, and ``IngotCore/IngotError/unsupported(_:at:)`` for an architecture that is not built.
  public func read() throws(IngotError) -> ModelConfiguration {
    let architecture = try architecture()
    let config = ModelConfig(
      vocabularySize: try count("vocab_size", default: 50257, limit: 1 << 28),
      contextLength: try count("n_positions", default: 1024, limit: 1 << 28),
      width: try count("n_embd", default: 768, limit: 1 << 20),
      blockCount: try count("n_layer", default: 12, limit: 10_000),
      headCount: try count("n_head", default: 12, limit: 1 << 20),
      feedForwardWidth: try isNull("n_inner") ? nil : count("n_inner", default: 0, limit: 1 << 24),
      layerNormEpsilon: try epsilon(),
      activation: try activation(),
      scalesAttention: try flag("scale_attn_weights", default: true),
      scalesAttentionByBlock: try flag("scale_attn_by_inverse_layer_idx", default: false),
      tiesHead: try flag("tie_word_embeddings", default: true))
    guard config.width % config.headCount == 0 else {
      throw malformed(
        .heads, "n_head", "\(config.headCount, "head") for a width of \(config.width)", "a divisor of it")
    }
    return ModelConfiguration(
      architecture: architecture, config: config, findings: try otherKeys(), path: path,
      document: plainDocument)
  }

  /// The document under transformers' spellings: OpenAI's is made into that.
  private var plainDocument: Metadata {
    document["model_type"] == nil ? ConfigForm.openAI.document(from: document) : document
  }

  private func malformed(_ rule: ConfigRule, _ key: String, _ found: Evidence, _ expected: Evidence)
    -> IngotError
  {
    .malformed(rule.rule, at: Location(path, key: key), found: found, expected: expected)
  }

  /// `model_type`; a document without one is OpenAI's `hparams.json` when it has that file's keys.
  private func architecture() throws(IngotError) -> Architecture {
    switch document["model_type"] {
    case .string(let id)?:
      guard let architecture = Architecture.named(id) else {
        let known = Architecture.all.map(\.id).joined(separator: ", ")
        throw .unsupported(
          "the architecture \(id), which is not among the known: \(words: known)",
          at: Location(path, key: "model_type"))
      }
      return architecture
    case nil:
      if document["n_layer"] != nil, document["n_embd"] != nil, let gpt2 = Architecture.named("gpt2") {
        return gpt2
      }
      throw malformed(.architecture, "model_type", "no such key", "the architecture's id")
    default:
      throw malformed(.architecture, "model_type", "a value of another type", "the architecture's id")
    }
  }

  /// The value of a key under any of its spellings, which must agree.
  private func value(_ name: String) throws(IngotError) -> (key: String, value: MetadataValue)? {
    let spellings = [name] + (ConfigKey.gpt2.first { $0.name == name }?.aliases ?? [])
    var found: (key: String, value: MetadataValue)?
    for spelling in spellings {
      guard let value = document[spelling], value != .null else { continue }
      if let found, found.value != value {
        throw malformed(.alias, spelling, "another value than \(found.key) has", "the same")
      }
      if found == nil { found = (spelling, value) }
    }
    return found
  }

  private func isNull(_ name: String) throws(IngotError) -> Bool { try value(name) == nil }

  private func count(_ name: String, default standard: Int, limit: Int) throws(IngotError) -> Int {
    guard let (key, value) = try value(name) else { return standard }
    guard case .int64(let number) = value else {
      throw malformed(.type, key, "a value of another type", "an integer")
    }
    guard let count = Int(exactly: number), count > 0, count <= limit else {
      throw malformed(.range, key, "\(number)", "from 1 to \(limit)")
    }
    return count
  }

  private func flag(_ name: String, default standard: Bool) throws(IngotError) -> Bool {
    guard let (key, value) = try value(name) else { return standard }
    guard case .bool(let flag) = value else {
      throw malformed(.type, key, "a value of another type", "true or false")
    }
    return flag
  }

  private func epsilon() throws(IngotError) -> Double {
    let number: Double
    switch try value("layer_norm_epsilon")?.value {
    case nil: return 1e-5
    case .float64(let value)?: number = value
    case .int64(let value)?: number = Double(value)
    default: throw malformed(.type, "layer_norm_epsilon", "a value of another type", "a number")
    }
    guard number > 0, number < 1 else {
      throw malformed(.range, "layer_norm_epsilon", "\(number)", "above 0 and below 1")
    }
    return number
  }

  /// Activations by the names that transformers' table has for them.
  private static let activations: [String: ActivationKind] = [
    "gelu": .gelu, "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu_fast": .geluFast,
    "quick_gelu": .quickGELU, "relu": .relu, "relu2": .reluSquared, "silu": .silu, "swish": .silu,
    "tanh": .tanh,
    "sigmoid": .sigmoid, "mish": .mish, "laplace": .laplace, "linear": .linear,
  ]

  private func activation() throws(IngotError) -> ActivationKind {
    guard let (key, value) = try value("activation_function") else { return .geluTanh }
    guard case .string(let name) = value else {
      throw malformed(.type, key, "a value of another type", "the name of a function")
    }
    guard let kind = Self.activations[name] else {
      let known = Self.activations.keys.sorted().joined(separator: ", ")
      throw malformed(.activation, key, .value(name), "one of \(words: known)")
    }
    return kind
  }

  /// Refuses keys that would change the arithmetic, and reports keys that nobody knows.
  private func otherKeys() throws(IngotError) -> [Finding] {
    var known: [String: ConfigKey] = [:]
    for key in ConfigKey.gpt2 {
      for name in [key.name] + key.aliases { known[name] = key }
    }
    var findings: [Finding] = []
    for entry in document.entries {
      guard let key = known[entry.key] else {
        findings.append(
          Finding(
            .unknown, severity: .note, subject: entry.key,
            detail: "is a config key that means nothing here; it is kept"
          ))
        continue
      }
      guard case .onlyValue(let value) = key.effect, entry.value != .null, entry.value != value else {
        continue
      }
      throw malformed(
        .refused, entry.key, "\(words: JSONWriter.text(entry.value))",
        "\(words: JSONWriter.text(value)), the only value whose arithmetic is built")
    }
    return findings
  }
}
