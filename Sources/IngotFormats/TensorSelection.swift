// SPDX-License-Identifier: Apache-2.0
// Which tensors a command works on: `--include` and `--exclude`.
import IngotCore

/// A choice of tensors by name patterns; excluding wins.
public struct TensorSelection: Sendable {
  /// Patterns of which one must match; none means all.
  public var include: [Glob]
  /// Patterns of which none may match.
  public var exclude: [Glob]

  /// Makes a choice; without patterns it takes every tensor.
  public init(include: [Glob] = [], exclude: [Glob] = []) {
    self.include = include
    self.exclude = exclude
  }

  /// Whether a tensor of that name is taken.
  public func takes(_ name: String) -> Bool { takes(CollectionOfOne(name)) }

  /// Whether a tensor that is shown by these names is taken.
  public func takes(_ names: some Collection<String>) -> Bool {
    (include.isEmpty || Self.match(include, names)) && !Self.match(exclude, names)
  }

  /// The tensors that are taken, by their positions.
  ///
  /// - Parameters:
  ///   - checkpoint: the tensors there are.
  ///   - others: the other names that some are shown by, by their position.
  /// - Returns: their positions, in order.
  package func taken(of checkpoint: Checkpoint, alsoKnownAs others: [Int: [String]] = [:]) -> [Int] {
    checkpoint.tensors.indices.filter { takes([checkpoint.tensors[$0].name] + (others[$0] ?? [])) }
  }

  private static func match(_ globs: [Glob], _ names: some Collection<String>) -> Bool {
    globs.contains { glob in names.contains { glob.matches($0) } }
  }

  /// Throws for a pattern without effect: most likely a slip of the pen.
  ///
  /// - Parameters:
  ///   - checkpoint: the tensors there are, those that were not opened included.
  ///   - others: the other names that some are shown by, by their position.
  ///   - argument: what the patterns in ``include`` are called where the caller gave them.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` naming the pattern.
  package func check(
    against checkpoint: Checkpoint, alsoKnownAs others: [Int: [String]] = [:],
    includedBy argument: RequestOption = .include
  ) throws(IngotError) {
    guard !include.isEmpty || !exclude.isEmpty else { return }
    let tensors = checkpoint.tensors
    let shown =
      tensors.indices.map { [tensors[$0].name] + (others[$0] ?? []) }
      + (checkpoint.unopened + checkpoint.unjudged).map { [$0] }
    try check(shown, hasOpened: !tensors.isEmpty, leftOut: checkpoint.findings, includedBy: argument)
  }

  /// Throws for a pattern without effect on any of the names.
  ///
  /// - Parameters:
  ///   - names: the names that there are.
  ///   - unopened: names of tensors that were left out before they could be read.
  ///   - argument: what the patterns in ``include`` are called where the caller gave them.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` naming the pattern.
  package func check(
    names: some Sequence<String>, unopened: [String] = [], includedBy argument: RequestOption = .include
  ) throws(IngotError) {
    guard !include.isEmpty || !exclude.isEmpty else { return }
    let opened = names.map { [$0] }
    try check(opened + unopened.map { [$0] }, hasOpened: !opened.isEmpty, includedBy: argument)
  }

  private func check(
    _ shown: [[String]], hasOpened: Bool, leftOut findings: [Finding] = [], includedBy argument: RequestOption
  ) throws(IngotError) {
    for (option, globs) in [(argument, include), (.exclude, exclude)] {
      for glob in globs where !shown.contains(where: { Self.match([glob], $0) }) {
        // Where files are given too, it may have been meant for one.
        let either: Evidence = option == .names ? ", and there is no file of that name either" : ""
        throw .invalidRequest(
          option: option,
          why: glob.noMatch(of: "tensor", among: shown.joined(), leftOut: findings, addition: either))
      }
    }
    let included = TensorSelection(include: include)
    for glob in exclude where !shown.contains(where: { Self.match([glob], $0) && included.takes($0) }) {
      throw .invalidRequest(
        option: .exclude, why: "\(glob.pattern) matches no tensor that \(option: argument) takes")
    }
    // A file whose only tensor can't be read is asked for what else it holds.
    guard !hasOpened && !shown.isEmpty || shown.contains(where: { takes($0) }) else {
      throw .invalidRequest(option: .exclude, why: "no tensor is left")
    }
  }
}
