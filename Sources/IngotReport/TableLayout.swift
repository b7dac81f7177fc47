// SPDX-License-Identifier: Apache-2.0
// Aligned columns of text.

/// A table of text whose columns are aligned.
public struct TableLayout: Sendable {
  /// On which side a column's text stands.
  public enum Alignment: Sendable {
    case left, right
  }

  private let columns: [(title: String, alignment: Alignment)]
  private var rows: [[String]] = []

  /// Makes a table with titled columns.
  public init(_ columns: [(title: String, alignment: Alignment)]) {
    self.columns = columns
  }

  /// Whether there are no rows.
  public var isEmpty: Bool { rows.isEmpty }

  /// Adds a row; missing cells are empty.
  public mutating func add(_ cells: [String]) {
    rows.append(cells + [String](repeating: "", count: max(0, columns.count - cells.count)))
  }

  /// The lines of the table, the titles dimmed.
  ///
  /// A terminal that is too narrow loses the last columns, not its lines.
  public func lines(_ style: TextStyle, hidesTitles: Bool = false) -> [String] {
    var kept = columns.indices.map { $0 }
    while kept.count > 2, let width = style.columns, lineWidth(kept) > width { kept.removeLast() }
    let title = line(columns.map(\.title), kept)
    let body = rows.map { line($0, kept) }
    return hidesTitles ? body : [style.text(title, .dim)] + body
  }

  private func width(of column: Int) -> Int {
    max(columns[column].title.count, rows.map { $0[column].count }.max() ?? 0)
  }

  private func lineWidth(_ kept: [Int]) -> Int {
    kept.reduce(0) { $0 + width(of: $1) } + 2 * (kept.count - 1)
  }

  private func line(_ cells: [String], _ kept: [Int]) -> String {
    let padded = kept.map { column in
      let space = String(repeating: " ", count: width(of: column) - cells[column].count)
      return columns[column].alignment == .left ? cells[column] + space : space + cells[column]
    }
    let text = padded.joined(separator: "  ")
    return String(text.reversed().drop { $0 == " " }.reversed())
  }
}
