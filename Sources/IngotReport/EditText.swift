// SPDX-License-Identifier: Apache-2.0
// What `ingot edit` changed, for people and programs.
import IngotKit

/// Edits as text and JSON.
package enum EditText {
  /// What was changed, a line each, and how.
  package static func lines(_ report: EditReport, isPlan: Bool, style: TextStyle) -> [String] {
    let title = "\(style.text(ErrorRenderer.name(report.path), .strong))  \(report.format)"
    guard !report.isUnchanged else { return [title, "nothing to change"] }
    let kinds = [("added  ", report.added), ("changed", report.changed), ("removed", report.removed)]
    let changes = kinds.flatMap { kind, keys in
      keys.map { "\(kind)  \(ErrorRenderer.name($0))" }
    }
    let verb = isPlan ? "would write" : "wrote"
    let what = report.wasInPlace ? "the head, in place" : "a new file in its place"
    return [title] + changes + ["\(verb) \(what), \(Quantity.bytes(report.byteCount))"]
  }

  /// `ingot edit --json`.
  package static func json(_ report: EditReport) -> String {
    func keys(_ names: [String]) -> MetadataValue { .array(names.map { .string($0) }) }
    return JSONText.document([
      ("path", .string(report.path)), ("format", .string(report.format)), ("added", keys(report.added)),
      ("changed", keys(report.changed)), ("removed", keys(report.removed)),
      ("bytes", .int64(Int64(report.byteCount))), ("in_place", .bool(report.wasInPlace)),
    ])
  }
}
