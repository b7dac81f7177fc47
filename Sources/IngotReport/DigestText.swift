// SPDX-License-Identifier: Apache-2.0
// What is said of digests that are not those of a manifest.
import IngotKit

/// Digests as text.
package enum DigestText {
  /// Names of a line at the most, folded.
  private static let limit = 8

  /// Lines of a manifest that say nothing: `SUMS: 2 lines, the first of them line 1, are no digests, and were passed over`.
  ///
  /// - Parameters:
  ///   - count: how many.
  ///   - first: the number of the first.
  ///   - name: the manifest.
  /// - Returns: the words.
  package static func passedOver(_ count: Int, first: Int, of name: String) -> String {
    count == 1
      ? "\(name): line \(first) is no digest, and was passed over"
      : "\(name): \(count) lines, the first of them line \(first), are no digests, and were passed over"
  }

  /// Names with what is so of them: `h.{0…3}.ln.weight, wte.weight differ`; `nil` for none.
  ///
  /// - Parameters:
  ///   - names: the names of tensors.
  ///   - one: what is said of one.
  ///   - many: what is said of several.
  /// - Returns: the words.
  package static func names(_ names: [String], are one: String, _ many: String) -> String? {
    guard !names.isEmpty else { return nil }
    let groups = NameFolding.fold(names.count, name: { names[$0] }, kind: { _ in 0 })
    let rest = groups.dropFirst(limit).reduce(0) { $0 + $1.members.count }
    let more = rest > 0 ? " and \(rest) more" : ""
    return
      "\(groups.prefix(limit).map(\.name).joined(separator: ", "))\(more) \(names.count == 1 ? one : many)"
  }
}
