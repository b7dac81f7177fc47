// SPDX-License-Identifier: Apache-2.0
// The config that a checkpoint's own metadata hold: GGUF's keys, llm.c's header, nanoGPT's arguments; and the one that the
// shapes of its tensors make where its publisher has none.
import IngotCore
import IngotDialects
import IngotEncodings
import IngotGraph

/// Configs inside metadata.
enum InnerConfig {
  /// What config.json would say of a checkpoint whose metadata hold a config; `nil` for one whose metadata hold none.
  ///
  /// - Parameter checkpoint: the checkpoint.
  /// - Returns: the document, for ``IngotDialects/ConfigReader`` to check.
  static func document(of checkpoint: Checkpoint) -> Metadata? {
    // A header of strings alone has lost every number of a config that it was given on the way.
    guard checkpoint.format != "safetensors" else { return nil }
    let found = Dialect.all.compactMap { dialect in
      dialect.config.document(in: checkpoint.metadata, architecture: dialect.architecture).map {
        (dialect, $0)
      }
    }
    // Keys that name an architecture without a table are a config too, which is refused by that name.
    let ofItsOwn = found.first { $0.1.string("model_type") == $0.0.architecture }
    guard let (dialect, read) = ofItsOwn ?? found.first else { return nil }
    var document = read
    if dialect.config.leavesToTensors { complete(&document, by: checkpoint.tensors, dialect) }
    return document
  }

  /// Adds what the tensors say: how many tokens there are, and whether the head is tied.
  private static func complete(_ document: inout Metadata, by tensors: [TensorDescriptor], _ dialect: Dialect)
  {
    func tensor(_ kind: TensorRole.Kind, block: Int? = nil) -> TensorDescriptor? {
      let name = dialect.name(of: TensorRole(kind, block: block), prefix: dialect.writtenPrefix)
      return tensors.first { $0.name == name }
    }
    if let rows = tensor(.tokenEmbedding)?.shape.dimensions.first {
      document["vocab_size"] = .int64(Int64(rows))
    }
    // A program that asks for a head has a copy of a tied one.
    if tensor(.head) == nil || !dialect.storesTiedHead || document["tie_word_embeddings"] == nil {
      document["tie_word_embeddings"] = .bool(tensor(.head) == nil)
    }
    for (key, kind) in dialect.config.flagsOfTensors { document[key] = .bool(tensor(kind, block: 0) != nil) }
  }

  /// What config.json would say of a checkpoint whose publisher has no config: what the shapes tell, and what its program
  /// takes unless it is told otherwise.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint.
  ///   - path: its path.
  /// - Returns: the document, and a remark on what is assumed; `nil` for a checkpoint of another publisher.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` (66) when they contradict each other.
  static func assumed(
    of checkpoint: Checkpoint, at path: String
  ) throws(IngotError) -> (document: Metadata, note: Finding)? {
    for dialect in Dialect.all {
      guard let document = dialect.shapeDocument(of: checkpoint), let shapes = dialect.config.shapes else {
        continue
      }
      do throws(IngotError) {
        _ = try ConfigReader(document: document, path: path).read()
      } catch {
        let reason = error.reason.map { reason -> Evidence in ": \(reason)" } ?? ""
        throw .missing(
          path: path, why: "has no config, and its shapes fit no program's defaults\(reason)",
          hint: .remedy(.nameConfig))
      }
      let defaults = shapes.defaults.map { "\($0.key) \(JSONWriter.text($0.value))" }
      return (
        document,
        Finding(
          .assumedConfig, severity: .note, subject: "config.json",
          detail:
            "is made of shapes and of the program's defaults, \(words: defaults.joined(separator: " and "))")
      )
    }
    return nil
  }

  /// Whether a checkpoint is of a publisher without configs, and its shapes contradict each other.
  static func contradicts(_ checkpoint: Checkpoint, at path: String) -> Bool {
    do throws(IngotError) {
      _ = try assumed(of: checkpoint, at: path)
      return false
    } catch { return true }
  }

  /// Metadata without the keys that a config was read from, and without those that only its own format needs.
  static func stripped(_ metadata: Metadata) -> Metadata {
    let known = Set(Dialect.all.flatMap(\.config.containerKeys))
    return Metadata(metadata.entries.filter { !known.contains($0.key) })
  }
}

extension IngotError {
  /// Whether it is a config that is there and can't be read.
  package var isUnreadableConfig: Bool {
    switch self {
    case .malformed(let rule, _, _, _): rule == ConfigRule.json.rule
    case .limitExceeded, .environment, .sourceChanged, .interrupted, .internal: true
    default: false
    }
  }

  /// Why a checkpoint is understood as no model; `nil` for errors of another kind.
  package var reason: Evidence? {
    switch self {
    case .malformed(_, let location, let found, let expected):
      let key = location.key.map { key -> Evidence in "\(key): " } ?? ""
      return "\(key)\(found), expected \(expected) in \(location.file)"
    case .unsupported(let what, let location): return "\(location.file) names \(what)"
    case .unsuitable(let location, let why, let hint):
      return hint.map { "\(location.file) \(why); \($0)" } ?? "\(location.file) \(why)"
    case .missing(_, let why, let hint): return hint.map { "it \(why); \($0)" } ?? "it \(why)"
    default: return nil
    }
  }
}
