// SPDX-License-Identifier: Apache-2.0
// Finds out whose names a checkpoint's tensors have: by the names, then by the shapes of matrices that are never square,
// then by what the file says of itself.
import IngotCore
import IngotGraph

/// Finds out whose names a checkpoint's tensors have.
package enum DialectDetector {
  /// A dialect with its prefix, and why it was chosen.
  package struct Choice: Sendable {
    /// The dialect.
    package let dialect: Dialect
    /// The prefix.
    package let prefix: NamePrefix
    /// Names it knows.
    package let matchCount: Int
    /// Why, in words.
    package let explanation: Evidence
  }

  /// The dialect that knows most names; among several that know as many, the one whose layout the shapes have, then the
  /// one that the metadata speak of, then the first.
  ///
  /// - Parameters:
  ///   - tensors: the tensors there are.
  ///   - metadata: what the file says of itself.
  ///   - configuration: the config; the architecture's dialects alone are looked at.
  /// - Returns: the choice; `nil` when none knows the token embedding's name.
  package static func choose(
    _ tensors: [TensorDescriptor], metadata: Metadata, configuration: ModelConfiguration
  ) -> Choice? {
    var best: (candidate: Candidate, rivals: Int)?
    let names = Set(tensors.map(\.name))
    let weights = LinearWeights(configuration)
    for dialect in Dialect.all where dialect.architecture == configuration.architecture.id {
      for prefix in dialect.allPrefixes {
        // A tied table may be stored by the head's name alone.
        let tables = [TensorRole(.tokenEmbedding), TensorRole(.head)].compactMap {
          dialect.name(of: $0, prefix: prefix)
        }
        guard tables.contains(where: names.contains) else { continue }
        let candidate = Candidate(dialect, prefix, tensors, metadata, weights)
        guard let current = best, candidate.matchCount == current.candidate.matchCount else {
          if candidate.matchCount > best?.candidate.matchCount ?? 0 { best = (candidate, 0) }
          continue
        }
        let isBetter = current.candidate.evidence.lexicographicallyPrecedes(candidate.evidence)
        best = (isBetter ? candidate : current.candidate, current.rivals + 1)
      }
    }
    return best.map { $0.candidate.choice(of: tensors.count, weights: $0.rivals > 0 ? weights : nil) }
  }

  /// What stands before names that would be known without it: `net.` of `net.model.embed_tokens.weight`.
  ///
  /// - Parameters:
  ///   - tensors: the tensors of a model that no dialect knows the names of.
  ///   - configuration: the config.
  /// - Returns: the start by which most names are known, the shortest of several; `nil` for none that half of the names
  ///   with it are known by.
  package static func strangeStart(
    of tensors: [TensorDescriptor], configuration: ModelConfiguration
  ) -> String? {
    var best: (start: String, count: Int)?
    for dialect in Dialect.all where dialect.architecture == configuration.architecture.id {
      for prefix in dialect.allPrefixes {
        let table = dialect.name(of: TensorRole(.tokenEmbedding), prefix: prefix)
        guard let table, let start = start(before: table, of: tensors) else { continue }
        let names = tensors.map(\.name).filter { $0.utf8.starts(with: start.utf8) }
        let count = names.count {
          dialect.role(of: String($0.utf8.dropFirst(start.utf8.count)) ?? "", prefix: prefix) != nil
        }
        guard count * 2 >= names.count else { continue }
        let isBetter = best.map { (count, -start.utf8.count) > ($0.count, -$0.start.utf8.count) } ?? true
        if isBetter { best = (start, count) }
      }
    }
    return best?.start
  }

  /// What stands before a name, up to a dot or a slash, where some tensor has it behind that.
  private static func start(before name: String, of tensors: [TensorDescriptor]) -> String? {
    for tensor in tensors where tensor.name.utf8.count > name.utf8.count {
      let (start, end) = (
        tensor.name.utf8.dropLast(name.utf8.count), tensor.name.utf8.suffix(name.utf8.count)
      )
      if let last = start.last, "./".utf8.contains(last), end.elementsEqual(name.utf8) {
        return String(start)
      }
    }
    return nil
  }

  /// One dialect and prefix, with what speaks for it.
  private struct Candidate {
    let dialect: Dialect
    let prefix: NamePrefix
    let matchCount: Int
    /// Matrices that have the dialect's layout less those that have the other one; then what the file says.
    let evidence: [Int]

    init(
      _ dialect: Dialect, _ prefix: NamePrefix, _ tensors: [TensorDescriptor], _ metadata: Metadata,
      _ weights: LinearWeights
    ) {
      self.dialect = dialect
      self.prefix = prefix
      var matchCount = 0
      var votes = 0
      for tensor in tensors {
        guard let role = dialect.role(of: tensor.name, prefix: prefix) else { continue }
        matchCount += 1
        guard let isTransposed = weights.isTransposed(tensor.shape, role.kind) else { continue }
        votes += isTransposed == dialect.transposedKinds.contains(role.kind) ? 1 : -1
      }
      self.matchCount = matchCount
      evidence = [votes.signum(), dialect.marks.contains { $0.stands(in: metadata) } ? 1 : 0]
    }

    func choice(of count: Int, weights: LinearWeights?) -> Choice {
      let start: Evidence = prefix.text.isEmpty ? "without prefix" : "with prefix \(words: prefix.text)"
      let known: Evidence =
        matchCount == count
        ? "all \(count, "name is", "names are") known"
        : "\(matchCount) of \(count, "name is", "names are") known"
      var explanation: Evidence = "\(words: dialect.id), \(start): \(known)"
      if let weights {
        explanation.pieces += [.words("; linear weights are \(weights.layout(in: dialect))")]
      }
      return Choice(
        dialect: dialect, prefix: prefix, matchCount: matchCount, explanation: explanation)
    }
  }
}

/// The linear weights of a model as its architecture's own publisher stores them.
private struct LinearWeights {
  private let parameters: [TensorRole.Kind: GraphParameter]

  init(_ configuration: ModelConfiguration) {
    // The blocks are alike.
    let config = configuration.config.with(.blockCount, 1)
    let linear = configuration.architecture.build(config, []).parameters.filter(\.isLinear)
    parameters = Dictionary(linear.map { ($0.role.kind, $0) }) { first, _ in first }
  }

  /// Whether a matrix has its sides the other way round; `nil` for one that is no linear weight, or could be either.
  func isTransposed(_ shape: Shape, _ kind: TensorRole.Kind) -> Bool? {
    guard let expected = parameters[kind]?.shape.dimensions, shape.rank == 2 else { return nil }
    // A config may be wrong about the width, and right about how many times it a side is.
    func isLike(_ rows: Int, _ columns: Int) -> Bool {
      let (left, right) = (
        rows.multipliedFullWidth(by: expected[1]), columns.multipliedFullWidth(by: expected[0])
      )
      return left == right
    }
    let isSame = isLike(shape.dimensions[0], shape.dimensions[1])
    let isOther = isLike(shape.dimensions[1], shape.dimensions[0])
    return isSame == isOther ? nil : isOther
  }

  /// How a dialect stores them, in words.
  func layout(in dialect: Dialect) -> String {
    let isOutIn = parameters.values.contains { parameter in
      (parameter.weightLayout == .outIn) != dialect.transposedKinds.contains(parameter.role.kind)
    }
    return isOutIn ? "[out, in]" : "[in, out]"
  }
}
