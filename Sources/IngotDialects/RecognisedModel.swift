// SPDX-License-Identifier: Apache-2.0
// A checkpoint understood as a model: which tensor stands for which parameter, in whose names, and why.
import IngotCore
import IngotGraph

/// A checkpoint understood as a model.
public struct RecognisedModel: Sendable {
  /// The config it was understood by.
  public let configuration: ModelConfiguration
  /// The graph of the model.
  public let graph: ModelGraph
  /// Whose names the tensors have.
  public let dialect: Dialect
  /// The prefix that its names carry.
  public let prefix: String
  /// Indexes of the tensors that stand for parameters, by role.
  public let tensors: [TensorRole: Int]
  /// Indexes of buffers.
  public let buffers: [Int]
  /// Index of a stored copy of the token embedding that serves as the tied head.
  public let tiedCopy: Int?
  /// Indexes of tensors that stand for nothing.
  public let unexpected: [Int]
  /// What was recognised, and by what.
  public let explanation: Evidence

  /// Understands a checkpoint.
  ///
  /// - Parameters:
  ///   - descriptors: the tensors there are.
  ///   - configuration: the config.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` when no dialect knows the names.
  public init(_ descriptors: [TensorDescriptor], configuration: ModelConfiguration) throws(IngotError) {
    let names = descriptors.map(\.name)
    guard let choice = DialectDetector.choose(names, architecture: configuration.architecture.id) else {
      throw .unsuitable(
        Location(configuration.path),
        why: "is a \(words: configuration.architecture.title) config, but no tensor has one of its names",
        hint: nil)
    }
    self.configuration = configuration
    graph = configuration.architecture.build(configuration.config)
    dialect = choice.dialect
    prefix = choice.prefix
    explanation = choice.explanation

    var tensors: [TensorRole: Int] = [:]
    var buffers: [Int] = []
    var unexpected: [Int] = []
    var tiedCopy: Int?
    let needed = Set(graph.parameters.map(\.role))
    for (index, name) in names.enumerated() {
      if let role = dialect.role(of: name, prefix: prefix) {
        if needed.contains(role) {
          tensors[role] = index
        } else if role.kind == .head, configuration.config.tiesHead {
          tiedCopy = index
        } else {
          unexpected.append(index)
        }
      } else if dialect.isBuffer(name, prefix: prefix) {
        buffers.append(index)
      } else {
        unexpected.append(index)
      }
    }
    self.tensors = tensors
    self.buffers = buffers
    self.tiedCopy = tiedCopy
    self.unexpected = unexpected
  }

  /// The published name of a role, for what is missing.
  public func name(of role: TensorRole) -> String {
    dialect.name(of: role, prefix: prefix) ?? role.description
  }

  /// What headers alone tell: missing, unexpected and misshapen tensors, and a config that contradicts the weights.
  ///
  /// - Parameter descriptors: the tensors that the model was made of.
  /// - Returns: findings, in a stable order.
  public func structuralFindings(_ descriptors: [TensorDescriptor]) -> [Finding] {
    var bound: [TensorRole: BoundTensor] = [:]
    for (role, index) in tensors {
      let tensor = descriptors[index]
      bound[role] = BoundTensor(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape)
    }
    let (dialect, prefix) = (dialect, prefix)
    let validator = GraphValidator(graph) { dialect.name(of: $0, prefix: prefix) ?? $0.description }
    return configuration.findings + blockFindings(descriptors)
      + validator.findings(for: bound, unexpected: unexpected.map { descriptors[$0].name })
  }

  /// A config whose number of blocks is not the weights'.
  private func blockFindings(_ descriptors: [TensorDescriptor]) -> [Finding] {
    let blocks = descriptors.compactMap { dialect.role(of: $0.name, prefix: prefix)?.block }
    guard let last = blocks.max(), last + 1 != configuration.config.blockCount else { return [] }
    return [
      Finding(
        severity: .error, subject: "n_layer",
        detail: "is \(configuration.config.blockCount) in the config, and the weights have \(last + 1) blocks"
      )
    ]
  }
}

/// Finds out whose names a checkpoint's tensors have.
public enum DialectDetector {
  /// A dialect with its prefix, and why it was chosen.
  public struct Choice: Sendable {
    /// The dialect.
    public let dialect: Dialect
    /// The prefix.
    public let prefix: String
    /// Names it knows.
    public let matchCount: Int
    /// Why, in words.
    public let explanation: Evidence
  }

  /// The dialect that knows most names; the first of several.
  ///
  /// - Parameters:
  ///   - names: the tensors' names.
  ///   - architecture: the id of the architecture they are to belong to; `nil` for any.
  /// - Returns: the choice; `nil` when none knows the token embedding's name.
  public static func choose(_ names: [String], architecture: String?) -> Choice? {
    var best: Choice?
    let present = Set(names)
    for dialect in Dialect.all where architecture == nil || dialect.architecture == architecture {
      for prefix in dialect.prefixes {
        guard let embedding = dialect.name(of: TensorRole(.tokenEmbedding), prefix: prefix),
          present.contains(embedding)
        else { continue }
        let count = names.count { dialect.role(of: $0, prefix: prefix) != nil }
        guard count > best?.matchCount ?? 0 else { continue }
        best = Choice(
          dialect: dialect, prefix: prefix, matchCount: count,
          explanation:
            "\(words: dialect.id), \(words: prefix.isEmpty ? "without prefix" : "with prefix " + prefix), by \(count) of \(names.count) names"
        )
      }
    }
    return best
  }
}
