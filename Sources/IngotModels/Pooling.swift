// SPDX-License-Identifier: Apache-2.0
// How the states of a text's tokens become one vector: a key of llama.cpp's files, and a file of sentence-transformers.
import IngotCore
import IngotDialects
import IngotEncodings
import IngotFormats
import IngotGraph

/// How the states of a text's tokens become one vector.
struct Pooling {
  /// The ways, with llama.cpp's numbers.
  ///
  /// - SeeAlso: `ggml-org/llama.cpp: include/llama.h`, `llama_pooling_type`.
  enum Kind: UInt32 {
    case none = 0
    case mean = 1
    /// The first token's state.
    case first = 2
    /// The last token's state.
    case last = 3
    /// What a classifier makes of the first token's state.
    case classifier = 4
  }

  /// What says it.
  enum Source: Hashable {
    /// A key of the checkpoint.
    case key(String)
    /// A file beside it.
    case companion
    /// The model's head.
    case head
  }

  /// The way; `nil` where nothing says it, or sentence-transformers has one that llama.cpp has not.
  private(set) var kind: Kind?
  /// What says it.
  private(set) var source: Source?

  /// The flags of sentence-transformers' file.
  ///
  /// - SeeAlso: `huggingface/sentence-transformers: sentence_transformers/models/Pooling.py`.
  private static let flags: [(name: String, kind: Kind)] = [
    ("pooling_mode_mean_tokens", .mean), ("pooling_mode_cls_token", .first),
    ("pooling_mode_lasttoken", .last),
  ]

  /// Finds out how a model's states become one: by its own keys, else by a file beside it, else by its head.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - companions: its companions.
  init(of model: Model, companions: [Companion]) {
    let key = Dialect.all.lazy.compactMap { $0.config.key(of: .pooling) }
      .first { model.checkpoint.metadata[$0] != nil }
    if let key {
      let number = model.checkpoint.metadata[key]?.integer
      (kind, source) = (number.flatMap { UInt32(exactly: $0) }.flatMap(Kind.init), .key(key))
    } else if let file = companions.first(where: { $0.name == CompanionName.pooling }) {
      kind = Self.kind(file.bytes)
      source = kind.map { _ in .companion }
    } else if model.hasClassifier {
      (kind, source) = (.classifier, .head)
    }
  }

  /// The way that a file says; `nil` for several at once, and for others than llama.cpp has.
  private static func kind(_ bytes: [UInt8]) -> Kind? {
    guard let document = try? JSONDocument.object(bytes) else { return nil }
    let modes = document.entries.filter { $0.key.hasPrefix("pooling_mode_") && $0.value == .bool(true) }
    guard modes.count == 1 else { return nil }
    return flags.first { $0.name == modes[0].key }?.kind
  }

  /// Takes it along: as a key where the target has one, else as the file that it is.
  ///
  /// - Parameters:
  ///   - target: the dialect.
  ///   - place: where the target's config is.
  ///   - companions: those that travel; the file stays behind where a key says the same.
  ///   - losses: hear of a key that has no place, unless the model says the same.
  func travel(
    to target: Dialect, _ place: ConfigPlace, companions: inout [Companion], losses: inout [Loss]
  ) {
    switch source {
    case .companion? where place.key(of: .pooling) != nil:
      companions.removeAll { $0.name == CompanionName.pooling }
    case .key(let key)? where kind == nil:
      losses.append(Loss(.metadata, detail: "\(key): is not a way of pooling, and is left out"))
    case .key(let key)? where place.key(of: .pooling) == nil && kind != .classifier:
      losses.append(
        Loss(.metadata, detail: "\(key): the config of \(words: target.id) has no place for it"))
    default: break
    }
  }
}

extension Model {
  /// Whether the model's head classifies by a matrix of its own.
  var hasClassifier: Bool { recognised.graph.parameter(TensorRole(.classifierWeight)) != nil }
}
