// SPDX-License-Identifier: Apache-2.0
// Aligned columns of text.

/// A table of text whose columns are aligned.
package struct TableLayout: Sendable {
  /// On which side a column's text stands.
  package enum Alignment: Sendable {
    case left, right
  }

  private let columns: [(title: String, alignment: Alignment)]
  private let dispensable: [Int]
  private var rows: [(cells: [String], marks: [Int: TextStyle.Emphasis])] = []

  /// Makes a table with titled columns.
  ///
  /// - Parameters:
  ///   - columns: the columns from left to right.
  ///   - dispensable: which of them a narrow terminal does without, the first to go first; without it all but the
  ///     first two, from the right.
  package init(_ columns: [(title: String, alignment: Alignment)], dispensable: [Int]? = nil) {
    self.columns = columns
    self.dispensable = dispensable ?? columns.indices.dropFirst(2).reversed()
  }

  /// Whether there are no rows.
  package var isEmpty: Bool { rows.isEmpty }

  /// Adds a row; missing cells are empty.
  ///
  /// - Parameters:
  ///   - cells: the row's text, without colour.
  ///   - marks: cells that stand out, by column.
  package mutating func add(_ cells: [String], marks: [Int: TextStyle.Emphasis] = [:]) {
    let missing = [String](repeating: "", count: max(0, columns.count - cells.count))
    rows.append((cells + missing, marks))
  }

  /// The lines of the table, the titles dimmed.
  ///
  /// A terminal that is too narrow loses dispensable columns, not its lines.
  package func lines(_ style: TextStyle, hidesTitles: Bool = false) -> [String] {
    let widths = columns.indices.map { column in
      rows.reduce(columns[column].title.count) { max($0, $1.cells[column].count) }
    }
    var kept = Array(columns.indices)
    for column in dispensable {
      let lineWidth = kept.reduce(0) { $0 + widths[$1] } + 2 * (kept.count - 1)
      guard let width = style.columns, lineWidth > width else { break }
      kept.removeAll { $0 == column }
    }
    let title = line(columns.map(\.title), [:], kept, widths, TextStyle())
    let body = rows.map { line($0.cells, $0.marks, kept, widths, style) }
    return hidesTitles ? body : [style.text(title, .dim)] + body
  }

  private func line(
    _ cells: [String], _ marks: [Int: TextStyle.Emphasis], _ kept: [Int], _ widths: [Int], _ style: TextStyle
  ) -> String {
    var text = ""
    var space = 0
    for column in kept {
      let padding = widths[column] - cells[column].count
      let isRight = columns[column].alignment == .right
      if isRight { space += padding }
      if !cells[column].isEmpty {
        text += String(repeating: " ", count: space)
        text += marks[column].map { style.text(cells[column], $0) } ?? cells[column]
        space = 0
      }
      space += isRight ? 2 : padding + 2
    }
    return text
  }
}
