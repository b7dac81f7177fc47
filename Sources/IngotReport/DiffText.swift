// SPDX-License-Identifier: Apache-2.0
// A comparison of two checkpoints for people: what is alike folds into one line.
import IngotKit

/// Comparisons as text.
package enum DiffText {
  /// The lines of a comparison.
  ///
  /// - Parameters:
  ///   - report: the comparison.
  ///   - isUnfolded: whether each tensor gets a line of its own.
  ///   - style: where the text goes.
  /// - Returns: the lines.
  package static func lines(_ report: DiffReport, isUnfolded: Bool = false, style: TextStyle) -> [String] {
    let common = report.equalCount + report.changed.count
    if report.isEqual {
      let same = "\(report.equalCount) of \(Count(common, "tensor"))"
      return report.changed.isEmpty
        ? ["identical: \(same)\(matching(report))"] + ignored(report, style)
        : ["within the tolerance, but not equal: \(report.changed.count) of \(Count(common, "tensor"))"]
          + changes(report, isUnfolded, style)
    }
    let renamed = (Set(report.renamed.map(\.first)), Set(report.renamed.map(\.second)))
    var lines: [String] = []
    lines += only(report.onlyFirst.filter { !renamed.0.contains($0) }, in: report.first, isUnfolded, style)
    lines += only(report.onlySecond.filter { !renamed.1.contains($0) }, in: report.second, isUnfolded, style)
    lines += renamings(report, isUnfolded, style)
    lines += changes(report, isUnfolded, style)
    let others = renamed.0.isEmpty ? "" : "\(report.renamed.count) equal under other names, "
    let alone = (
      report.onlyFirst.count - report.renamed.count, report.onlySecond.count - report.renamed.count
    )
    lines.append(
      "\(report.equalCount) equal, \(others)\(report.changed.count) changed, \(alone.0) only in the first, \(alone.1) only in the second\(matching(report))"
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
      let rest = names.count > 1 ? " and \(names.count - 1) more are not parameters" : " is not a parameter"
      return
        "\(style.text("note", .note))  \(ErrorRenderer.name(path)): \(ErrorRenderer.name(first))\(rest)"
    }
  }

  private static func only(
    _ names: [String], in path: String, _ isUnfolded: Bool, _ style: TextStyle
  ) -> [String] {
    let label = style.text("only in \(ErrorRenderer.name(path))", .note)
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

  /// `equal  h.{0…11}.ln_1.weight → blk.{0…11}.attn_norm.weight`.
  private static func renamings(
    _ report: DiffReport, _ isUnfolded: Bool, _ style: TextStyle
  ) -> [String] {
    let label = style.text("equal", .dim)
    let pairs = report.renamed
    guard !isUnfolded else {
      return pairs.map { "\(label)  \(ErrorRenderer.name($0.first)) → \(ErrorRenderer.name($0.second))" }
    }
    // Both sides of a pair have the same numbers where they fold, so that the line says which is which.
    let groups = NameFolding.fold(
      pairs.count, name: { pairs[$0].first },
      kind: { NameFolding.pattern(of: pairs[$0].second, like: pairs[$0].first) })
    return groups.map { group in
      let seconds = group.members.map { pairs[Int($0)].second }
      let names = NameFolding.fold(seconds.count, name: { seconds[$0] }, kind: { _ in 0 }).map(\.name)
      let count = seconds.count > 1 ? "  × \(seconds.count)" : ""
      return "\(label)  \(group.name) → \(names.joined(separator: ", "))\(count)"
    }
  }

  // MARK: - Changes

  /// What changed tensors must have in common to fold.
  private struct Kind: Hashable {
    let types: [String]
    let shapes: [Shape]
    let casts: [DType?]
    let isWithinTolerance: Bool

    init(_ change: DiffReport.Change) {
      types = [change.typeNames.0, change.typeNames.1]
      shapes = [change.shapes.0, change.shapes.1]
      casts = [change.isCastTo, change.isCastFrom]
      isWithinTolerance = change.isWithinTolerance
    }
  }

  private static func changes(
    _ report: DiffReport, _ isUnfolded: Bool, _ style: TextStyle
  ) -> [String] {
    let changes = report.changed
    guard !changes.isEmpty else { return [] }
    if !isUnfolded, let line = commonCast(changes, style) { return [line] }
    let groups =
      isUnfolded
      ? NameFolding.unfolded(changes.count) { changes[$0].name }
      : NameFolding.fold(changes.count, name: { changes[$0].name }, kind: { Kind(changes[$0]) })
    var table = TableLayout(
      [
        ("changed", .left), ("dtype", .left), ("shape", .left), ("largest", .right), ("at", .left),
        ("relative", .right), ("SNR", .right), ("values", .right), ("", .left),
      ], dispensable: [7, 2, 6, 5, 4, 8])
    for group in groups { table.add(cells(group.name, group.members.map { changes[Int($0)] })) }
    let hint = groups.count < changes.count ? [style.text("(--all lists each tensor)", .dim)] : []
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

  /// The cells of one change, or of several: the worst of their figures, and all values that differ.
  private static func cells(_ name: String, _ changes: [DiffReport.Change]) -> [String] {
    guard let first = changes.first else { return [name] }
    func worst(_ figure: (DiffReport.Change) -> Double?) -> Double? {
      let figures = changes.compactMap(figure)
      return figures.isEmpty ? nil : figures.reduce(-.infinity) { $0.orLarger($1) }
    }
    let largest = worst(\.maxAbs)
    let place = changes.first { $0.maxAbs == largest || ($0.maxAbs?.isNaN == true && largest?.isNaN == true) }
    let count = changes.reduce(0) { $0 + ($1.differingCount ?? 0) }
    let noise = worst { $0.signalToNoise.map { -$0 } }
    return [
      name,
      first.typeNames.0 == first.typeNames.1
        ? first.typeNames.0 : "\(first.typeNames.0) → \(first.typeNames.1)",
      first.shapes.0 == first.shapes.1
        ? first.shapes.0.label : "\(first.shapes.0.label) → \(first.shapes.1.label)",
      largest.map(Quantity.scientific) ?? "–", place.flatMap { self.place($0, of: changes) } ?? "–",
      worst(\.rmsRel).map(Quantity.scientific) ?? "–",
      noise.flatMap { $0.isInfinite ? nil : Quantity.fixed(-$0, decimals: 1) + " dB" } ?? "–",
      first.differingCount == nil ? "–" : Quantity.count(count), note(first, count: changes.count),
    ]
  }

  private static func note(_ change: DiffReport.Change, count: Int) -> String {
    let cast =
      change.isCastTo.map { "is the first cast to \($0.rawValue)" }
      ?? change.isCastFrom.map { "the first is this cast to \($0.rawValue)" } ?? ""
    guard count > 1 else { return cast }
    return cast.isEmpty ? "× \(count)" : "× \(count), \(cast)"
  }

  /// Where the largest difference is: `[3, 4]`, and of several tensors `[3, 4] of 7`, the part of its name that they differ in.
  private static func place(_ change: DiffReport.Change, of changes: [DiffReport.Change]) -> String? {
    guard let place = change.largestPlace else { return nil }
    let label = "[\(place.map(String.init).joined(separator: ", "))]"
    guard changes.count > 1 else { return label }
    let parts = changes.map { $0.name.split(separator: ".", omittingEmptySubsequences: false) }
    let own = change.name.split(separator: ".", omittingEmptySubsequences: false)
    let start = own.indices.first { index in
      parts.contains { $0.indices.contains(index) && $0[index] != own[index] }
    }
    let end = own.indices.last { index in
      parts.contains { $0.indices.contains(index) && $0[index] != own[index] }
    }
    guard let start, let end else { return label }
    return "\(label) of \(PrintableText.escaped(own[start...end].joined(separator: "."), limit: 40))"
  }
}
