// SPDX-License-Identifier: Apache-2.0
// How one publisher names the parameters of an architecture: a table, read in both directions.
import IngotCore
import IngotGraph

/// The names of one publisher for one architecture.
public struct Dialect: Sendable {
  /// The id in options and reports: `hf`.
  public let id: String
  /// The architecture it names.
  public let architecture: String
  /// Prefixes that all names but ``unprefixed`` may carry; one file uses one of them throughout.
  public let prefixes: [String]
  /// The names, one a kind of role.
  public let names: [(kind: TensorRole.Kind, pattern: NamePattern)]
  /// Kinds whose names never carry a prefix.
  public let unprefixed: Set<TensorRole.Kind>
  /// Names of buffers: constants that are stored, and that no computation here needs.
  public let buffers: [NamePattern]

  /// All dialects.
  ///
  /// A new one is a table in a file of its own, and a line here.
  public static let all: [Dialect] = [huggingFaceGPT2]

  /// The published name of a role.
  ///
  /// - Parameters:
  ///   - role: what the parameter is for.
  ///   - prefix: one of ``prefixes``.
  /// - Returns: the name; `nil` for a role that this dialect has no name for.
  public func name(of role: TensorRole, prefix: String) -> String? {
    guard let entry = names.first(where: { $0.kind == role.kind }) else { return nil }
    let name = entry.pattern.name(block: role.block)
    return unprefixed.contains(role.kind) ? name : prefix + name
  }

  /// The role of a published name; `nil` for one that stands for none.
  public func role(of name: String, prefix: String) -> TensorRole? {
    for (kind, pattern) in names {
      let prefix = unprefixed.contains(kind) ? "" : prefix
      guard name.hasPrefix(prefix), let match = pattern.match(name.dropFirst(prefix.count)) else { continue }
      switch match {
      case .whole: return TensorRole(kind)
      case .block(let block): return TensorRole(kind, block: block)
      }
    }
    return nil
  }

  /// Whether a name is a buffer's.
  public func isBuffer(_ name: String, prefix: String) -> Bool {
    name.hasPrefix(prefix) && buffers.contains { $0.match(name.dropFirst(prefix.count)) != nil }
  }
}
