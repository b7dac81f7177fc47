// SPDX-License-Identifier: Apache-2.0
// Changed tensors as rows of a table: those that are alike fold into one, with the worst of their figures and its place.
// DiffText shows them in a terminal, Page/ComparisonSections.swift on a page.
import IngotKit

/// Changed tensors that are shown as one.
struct ChangeRow {
  /// The name, or what the names fold into, safe to print.
  let name: String
  /// The tensors.
  let changes: [DiffReport.Change]
  /// The first of them, which all others are like.
  let first: DiffReport.Change

  private init?(_ name: String, _ changes: [DiffReport.Change]) {
    guard let first = changes.first else { return nil }
    (self.name, self.changes, self.first) = (name, changes, first)
  }

  /// Rows in the order of their first tensors.
  ///
  /// - Parameters:
  ///   - changes: the tensors.
  ///   - isUnfolded: whether each gets a row of its own.
  /// - Returns: the rows.
  static func rows(of changes: [DiffReport.Change], isUnfolded: Bool) -> [ChangeRow] {
    let groups =
      isUnfolded
      ? NameFolding.unfolded(changes.count) { changes[$0].name }
      : NameFolding.fold(changes.count, name: { changes[$0].name }, kind: { Kind(changes[$0]) })
    return groups.compactMap { group in ChangeRow(group.name, group.members.map { changes[Int($0)] }) }
  }

  /// What changed tensors must have in common to fold.
  private struct Kind: Hashable {
    let types: [String]
    let shapes: [Shape]
    let casts: [DType?]
    let isWithinTolerance: Bool
    let hasSameNumbers: Bool

    init(_ change: DiffReport.Change) {
      types = [change.typeNames.0, change.typeNames.1]
      shapes = [change.shapes.0, change.shapes.1]
      casts = [change.isCastTo, change.isCastFrom]
      isWithinTolerance = change.isWithinTolerance
      hasSameNumbers = change.hasSameNumbers
    }
  }

  // MARK: - Cells

  /// The dtype, or both.
  var types: String {
    let (a, b) = first.typeNames
    return a == b ? a : "\(a) → \(b)"
  }

  /// The shape, or both.
  var shapes: String {
    let (a, b) = first.shapes
    return a == b ? a.label : "\(a.label) → \(b.label)"
  }

  /// The largest difference.
  var largest: String { largestFigure.map(Quantity.scientific) ?? "–" }

  /// The root mean square of the differences over that of the first's values, the worst of all.
  var relative: String { worst(\.rmsRel).map(Quantity.scientific) ?? "–" }

  /// The signal-to-noise ratio, the worst of all.
  var signalToNoise: String {
    let noise = worst { $0.signalToNoise.map { -$0 } }
    return noise.flatMap { $0.isInfinite ? nil : Quantity.fixed(-$0, decimals: 1) + " dB" } ?? "–"
  }

  /// How many values of all differ.
  var values: String {
    guard first.differingCount != nil else { return "–" }
    return Quantity.count(changes.reduce(0) { $0 + ($1.differingCount ?? 0) })
  }

  /// Where the largest difference is, or what differs where there are no figures: `[3, 4]`, and of several tensors
  /// `[3, 4] of 7`, the part of its name that they differ in.
  var place: String {
    let largest = largestFigure
    let change = changes.first {
      $0.maxAbs == largest || ($0.maxAbs?.isNaN == true && largest?.isNaN == true)
    }
    guard let change, let place = change.largestPlace ?? change.firstPlace else { return "–" }
    let label = "[\(place.map(String.init).joined(separator: ", "))]"
    return ownPart(of: change).map { "\(label) of \($0)" } ?? label
  }

  private var largestFigure: Double? { worst(\.maxAbs) }

  private func worst(_ figure: (DiffReport.Change) -> Double?) -> Double? {
    let figures = changes.compactMap(figure)
    return figures.isEmpty ? nil : figures.reduce(-.infinity) { $0.orLarger($1) }
  }

  /// The part of a tensor's name that it has alone among several.
  private func ownPart(of change: DiffReport.Change) -> String? {
    guard changes.count > 1 else { return nil }
    let parts = changes.map { $0.name.split(separator: ".", omittingEmptySubsequences: false) }
    let own = change.name.split(separator: ".", omittingEmptySubsequences: false)
    func differs(_ index: Int) -> Bool {
      parts.contains { $0.indices.contains(index) && $0[index] != own[index] }
    }
    guard let start = own.indices.first(where: differs), let end = own.indices.last(where: differs) else {
      return nil
    }
    return PrintableText.escaped(own[start...end].joined(separator: "."), limit: 40)
  }
}

extension DiffReport.Change {
  /// Whether both hold the same numbers, and other bits: zeros of two signs, or NaNs of two kinds.
  var hasSameNumbers: Bool {
    differingCount == 0 && typeNames.0 == typeNames.1 && shapes.0 == shapes.1
  }

  /// The words for ``hasSameNumbers``.
  static let sameNumbersNote = "the same numbers in other bits"
}
