// SPDX-License-Identifier: Apache-2.0
// A comparison of two checkpoints for people: what is alike folds into one line.
import IngotKit

/// Comparisons as text.
package enum DiffText {
  /// The lines of a comparison.
  ///
  /// - Parameters:
  ///   - report: the comparison.
  ///   - files: which weight file of each was asked for, where it was.
  ///   - isUnfolded: whether each tensor gets a line of its own.
  ///   - style: where the text goes.
  /// - Returns: the lines.
  package static func lines(
    _ report: DiffReport, files: (String?, String?) = (nil, nil), isUnfolded: Bool = false, style: TextStyle
  ) -> [String] {
    let labels = labels(report, files)
    return tensors(report, labels, isUnfolded, style) + ignored(report, labels, style)
      + [(report.leftOut.first, labels.0), (report.leftOut.second, labels.1)].flatMap { findings, label in
        FindingText.leftOut(findings, of: label, "is not compared", isUnfolded: isUnfolded, style: style)
      }
  }

  private static func tensors(
    _ report: DiffReport, _ labels: (String, String), _ isUnfolded: Bool, _ style: TextStyle
  ) -> [String] {
    let common = report.equalCount + report.changed.count
    if report.isEqual {
      let same = "\(report.equalCount) of \(Count(common, "tensor"))"
      return report.changed.isEmpty
        ? ["identical: \(same)\(matching(report))"]
        : ["within the tolerance, but not equal: \(report.changed.count) of \(Count(common, "tensor"))"]
          + changes(report, isUnfolded, style)
    }
    let alone = (report.loneFirst, report.loneSecond)
    var lines: [String] = []
    lines += only(alone.0, in: labels.0, isUnfolded, style)
    lines += only(alone.1, in: labels.1, isUnfolded, style)
    lines += renamings(report, isUnfolded, style)
    lines += changes(report, isUnfolded, style)
    let others = report.renamed.isEmpty ? "" : "\(report.renamed.count) equal under other names, "
    let within = report.changed.count(where: \.isWithinTolerance)
    let tolerated = within > 0 ? " (\(within) of them within the tolerance)" : ""
    lines.append(
      "\(report.equalCount) equal, \(others)\(report.changed.count) changed\(tolerated), \(alone.0.count) only in the first, \(alone.1.count) only in the second\(matching(report))"
    )
    return lines
  }

  /// What the two are called: their paths, with the files that were asked for where these tell them apart.
  static func labels(_ report: DiffReport, _ files: (String?, String?)) -> (String, String) {
    let paths = (trimmed(report.first), trimmed(report.second))
    if paths.0 != paths.1 { return (ErrorRenderer.name(report.first), ErrorRenderer.name(report.second)) }
    let names = (named(files.0, in: paths.0), named(files.1, in: paths.1))
    return names.0 != names.1
      ? (ErrorRenderer.name(names.0), ErrorRenderer.name(names.1)) : ("the first", "the second")
  }

  private static func named(_ file: String?, in folder: String) -> String {
    file.map { "\(folder)/\($0)" } ?? folder
  }

  /// A path without what names the same place: slashes at its end, and dots at its start.
  private static func trimmed(_ path: String) -> String {
    var path = Substring(path)
    while path.hasPrefix("./"), path.count > 2 { path = path.dropFirst(2).drop { $0 == "/" } }
    while path.hasSuffix("/"), path.count > 1 { path = path.dropLast() }
    return String(path)
  }

  /// How names were matched: ` (names hf ↔ gguf, 48 transposed)`.
  private static func matching(_ report: DiffReport) -> String {
    guard let matching = report.matching else { return "" }
    let turned = matching.transposedCount > 0 ? ", \(matching.transposedCount) transposed" : ""
    return " (names \(matching.dialects.0) ↔ \(matching.dialects.1)\(turned))"
  }

  /// A note on what is no parameter.
  private static func ignored(
    _ report: DiffReport, _ labels: (String, String), _ style: TextStyle
  ) -> [String] {
    guard let ignored = report.matching?.ignored else { return [] }
    return [(labels.0, ignored.0), (labels.1, ignored.1)].compactMap { label, names in
      guard let first = names.first else { return nil }
      let rest = names.count > 1 ? " and \(names.count - 1) more are not parameters" : " is not a parameter"
      return "\(style.text("note", .note))  \(label): \(ErrorRenderer.name(first))\(rest)"
    }
  }

  private static func only(
    _ names: [String], in place: String, _ isUnfolded: Bool, _ style: TextStyle
  ) -> [String] {
    let label = style.text("only in \(place)", .note)
    let groups =
      isUnfolded
      ? NameFolding.unfolded(names.count) { names[$0] }
      : NameFolding.fold(names.count, name: { names[$0] }, kind: { _ in 0 })
    let kept = isUnfolded ? groups.count : 8
    let shown = groups.prefix(kept).map { group in
      "\(label)  \(group.name)\(group.members.count > 1 ? "  × \(group.members.count)" : "")"
    }
    guard groups.count > kept else { return shown }
    let rest = groups.dropFirst(kept).reduce(0) { $0 + $1.members.count }
    return shown + [style.text("… \(rest) more (--all lists each)", .dim)]
  }

  private static func renamings(
    _ report: DiffReport, _ isUnfolded: Bool, _ style: TextStyle
  ) -> [String] {
    let label = style.text("equal", .dim)
    return renamings(report.renamed, isUnfolded: isUnfolded).map { "\(label)  \($0)" }
  }

  /// Names that the same tensors have on both sides: `h.{0…11}.ln_1.weight → blk.{0…11}.attn_norm.weight  × 12`.
  static func renamings(_ pairs: [DiffReport.Renaming], isUnfolded: Bool) -> [String] {
    guard !isUnfolded else {
      return pairs.map { "\(ErrorRenderer.name($0.first)) → \(ErrorRenderer.name($0.second))" }
    }
    // Both sides of a pair have the same numbers where they fold, so that the line says which is which.
    let groups = NameFolding.fold(
      pairs.count, name: { pairs[$0].first },
      kind: { NameFolding.pattern(of: pairs[$0].second, like: pairs[$0].first) })
    return groups.map { group in
      let seconds = group.members.map { pairs[Int($0)].second }
      let names = NameFolding.fold(seconds.count, name: { seconds[$0] }, kind: { _ in 0 }).map(\.name)
      let count = seconds.count > 1 ? "  × \(seconds.count)" : ""
      return "\(group.name) → \(names.joined(separator: ", "))\(count)"
    }
  }

  // MARK: - Changes

  private static func changes(
    _ report: DiffReport, _ isUnfolded: Bool, _ style: TextStyle
  ) -> [String] {
    let changes = report.changed
    guard !changes.isEmpty else { return [] }
    if !isUnfolded, let line = commonCast(changes, style) { return [line] }
    let rows = ChangeRow.rows(of: changes, isUnfolded: isUnfolded)
    // Where shapes differ, only they say why: what is measured goes before them.
    let isOfShapes = changes.contains { $0.shapes.0 != $0.shapes.1 }
    var table = TableLayout(
      [
        ("changed", .left), ("dtype", .left), ("shape", .left), ("largest", .right), ("at", .left),
        ("relative", .right), ("SNR", .right), ("values", .right), ("", .left),
      ], dispensable: isOfShapes ? [7, 6, 5, 4, 3, 8, 2] : [7, 2, 6, 5, 4, 8])
    for row in rows { table.add(cells(row, tellsTolerance: !report.isEqual)) }
    let hint = rows.count < changes.count ? [style.text("(--all lists each tensor)", .dim)] : []
    return table.lines(style) + hint
  }

  /// One line for tensors that all are the other side's in a smaller dtype.
  private static func commonCast(_ changes: [DiffReport.Change], _ style: TextStyle) -> String? {
    guard changes.count > 1, let first = changes.first else { return nil }
    let words: String
    if let dtype = first.isCastTo, changes.allSatisfy({ $0.isCastTo == dtype }) {
      words = "are the first cast to \(dtype.rawValue)"
    } else if let dtype = first.isCastFrom, changes.allSatisfy({ $0.isCastFrom == dtype }) {
      words = "are what the first is a cast of, to \(dtype.rawValue)"
    } else {
      return nil
    }
    let largest = changes.reduce(0.0) { $0.orLarger($1.maxAbs ?? 0) }
    let hint = style.text("(--all lists each)", .dim)
    return "all \(changes.count) \(words), the largest difference \(Quantity.scientific(largest))  \(hint)"
  }

  private static func cells(_ row: ChangeRow, tellsTolerance: Bool) -> [String] {
    [
      row.name, row.types, row.shapes, row.largest, row.place, row.relative, row.signalToNoise, row.values,
      note(row, tellsTolerance: tellsTolerance),
    ]
  }

  private static func note(_ row: ChangeRow, tellsTolerance: Bool) -> String {
    var notes: [String] = []
    if row.changes.count > 1 { notes.append("× \(row.changes.count)") }
    if let dtype = row.first.isCastTo {
      notes.append("is the first cast to \(dtype.rawValue)")
    } else if let dtype = row.first.isCastFrom {
      notes.append("the first is this cast to \(dtype.rawValue)")
    }
    if row.first.hasSameNumbers { notes.append(DiffReport.Change.sameNumbersNote) }
    if tellsTolerance, row.first.isWithinTolerance { notes.append("within the tolerance") }
    return notes.joined(separator: ", ")
  }
}
