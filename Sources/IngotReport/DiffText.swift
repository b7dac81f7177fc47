// SPDX-License-Identifier: Apache-2.0
// A comparison of two checkpoints for people.
import IngotKit

/// Comparisons as text.
package enum DiffText {
  /// The lines of a comparison.
  package static func lines(_ report: DiffReport, style: TextStyle) -> [String] {
    let common = report.equalCount + report.changed.count
    if report.isEqual {
      let same = "\(report.equalCount) of \(Count(common, "tensor"))"
      return report.changed.isEmpty
        ? ["identical: \(same)\(matching(report))"] + ignored(report, style)
        : ["within the tolerance, but not equal: \(report.changed.count) of \(Count(common, "tensor"))"]
          + changes(report).lines(style)
    }
    var lines: [String] = []
    lines += only(report.onlyFirst, in: report.first, style)
    lines += only(report.onlySecond, in: report.second, style)
    if !report.changed.isEmpty { lines += changes(report).lines(style) }
    lines.append(
      "\(report.equalCount) equal, \(report.changed.count) changed, \(report.onlyFirst.count) only in the first, \(report.onlySecond.count) only in the second\(matching(report))"
    )
    return lines + ignored(report, style)
  }

  /// How names were matched: ` (names hf ↔ gguf, 48 transposed)`.
  private static func matching(_ report: DiffReport) -> String {
    guard let matching = report.matching else { return "" }
    let turned = matching.transposedCount > 0 ? ", \(matching.transposedCount) transposed" : ""
    return " (names \(matching.dialects.0) ↔ \(matching.dialects.1)\(turned))"
  }

  /// A note on what is no parameter.
  private static func ignored(_ report: DiffReport, _ style: TextStyle) -> [String] {
    guard let ignored = report.matching?.ignored else { return [] }
    return [(report.first, ignored.0), (report.second, ignored.1)].compactMap { path, names in
      guard let first = names.first else { return nil }
      let rest = names.count > 1 ? " and \(names.count - 1) more are no parameters" : " is no parameter"
      return
        "\(style.text("note", .note))  \(ErrorRenderer.name(path)): \(ErrorRenderer.name(first))\(rest)"
    }
  }

  private static func only(_ names: [String], in path: String, _ style: TextStyle) -> [String] {
    let label = style.text("only in \(ErrorRenderer.name(path))", .note)
    let shown = names.prefix(8).map { "\(label)  \(ErrorRenderer.name($0))" }
    return names.count > 8 ? shown + [style.text("… \(names.count - 8) more in --json", .dim)] : shown
  }

  private static func changes(_ report: DiffReport) -> TableLayout {
    var table = TableLayout([
      ("changed", .left), ("dtype", .left), ("shape", .left), ("largest", .right), ("relative", .right),
      ("values", .right), ("", .left),
    ])
    for change in report.changed {
      let sameShape = change.shapes.0 == change.shapes.1
      table.add([
        ErrorRenderer.name(change.name),
        change.typeNames.0 == change.typeNames.1
          ? change.typeNames.0 : "\(change.typeNames.0) → \(change.typeNames.1)",
        sameShape ? change.shapes.0.label : "\(change.shapes.0.label) → \(change.shapes.1.label)",
        change.maxAbs.map(Quantity.scientific) ?? "–", change.rmsRel.map(Quantity.scientific) ?? "–",
        change.differingCount.map { Quantity.count($0) } ?? "–",
        change.isCastTo.map { "is the first cast to \($0.rawValue)" }
          ?? change.isCastFrom.map { "the first is this cast to \($0.rawValue)" } ?? "",
      ])
    }
    return table
  }
}
