// SPDX-License-Identifier: Apache-2.0
// Which tensors a command works on: `--include` and `--exclude`.
import IngotCore
import IngotFormats

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
  public func takes(_ name: String) -> Bool {
    (include.isEmpty || include.contains { $0.matches(name) }) && !exclude.contains { $0.matches(name) }
  }

  /// Throws for a pattern that matches no tensor at all: most likely a slip of the pen.
  ///
  /// - Parameters:
  ///   - tensors: the tensors there are.
  ///   - argument: what the patterns in ``include`` are called where the caller gave them.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` naming the pattern.
  public func check(
    against tensors: [TensorDescriptor], includedBy argument: String = "--include"
  ) throws(IngotError) {
    for (option, globs) in [(argument, include), ("--exclude", exclude)] {
      for glob in globs where !tensors.contains(where: { glob.matches($0.name) }) {
        throw .invalidRequest(option: option, why: "\(glob.pattern) matches no tensor")
      }
    }
  }
}
