// SPDX-License-Identifier: Apache-2.0
// Aligned columns of text. On a narrow terminal names are shortened, then columns go, and a line says which.

/// A table of text whose columns are aligned.
package struct TableLayout {
  /// A row: its text without colour, and cells that stand out, by column.
  typealias Row = (cells: [String], marks: [Int: TextStyle.Emphasis])

  /// On which side a column's text stands.
  package enum Alignment: Sendable {
    case left, right
  }

  private let columns: [(title: String, alignment: Alignment)]
  private let dispensable: [Int]
  private var rows: [Row] = []
  /// Rows that are made twice, to be measured and to be written, and never kept: there may be a million.
  private var made: (count: Int, row: (Int) -> Row)?

  /// Characters that names keep while there are columns that can go instead, and those that they always keep.
  private static let nameWidths = (comfortable: 24, least: 8)

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

  /// Makes a table of rows that are made when they are needed.
  ///
  /// - Parameters:
  ///   - columns: the columns from left to right.
  ///   - dispensable: which of them a narrow terminal does without, the first to go first.
  ///   - rowCount: rows of the table.
  ///   - row: makes one, the same each time.
  init(
    _ columns: [(title: String, alignment: Alignment)], dispensable: [Int]?, rowCount: Int,
    row: @escaping (Int) -> Row
  ) {
    self.init(columns, dispensable: dispensable)
    made = (rowCount, row)
  }

  /// Whether there are no rows.
  package var isEmpty: Bool { rowCount == 0 }

  private var rowCount: Int { made?.count ?? rows.count }

  private func row(_ index: Int) -> Row { made?.row(index) ?? rows[index] }

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
  /// On a terminal that is too narrow the texts of the first column, which are names, are shortened in their middle, then
  /// dispensable columns go, and a last line says which.
  package func lines(_ style: TextStyle, hidesTitles: Bool = false) -> [String] {
    var lines: [String] = []
    forEachLine(style, hidesTitles: hidesTitles) { lines.append($0) }
    return lines
  }

  /// The same, a line at a time.
  func forEachLine<Failure>(
    _ style: TextStyle, hidesTitles: Bool = false, _ body: (String) throws(Failure) -> Void
  ) throws(Failure) {
    var widths = columns.map(\.title.count)
    var areEmpty = columns.map { _ in true }
    for index in 0..<rowCount {
      for (column, cell) in row(index).cells.enumerated() where !cell.isEmpty {
        widths[column] = max(widths[column], cell.count)
        areEmpty[column] = false
      }
    }
    let kept = fit(&widths, style)
    if !hidesTitles {
      try body(style.text(line(columns.map(\.title), [:], kept, widths, TextStyle()), .dim))
    }
    for index in 0..<rowCount {
      let row = row(index)
      try body(line(row.cells, row.marks, kept, widths, style))
    }
    for line in hidden(columns.indices.filter { !kept.contains($0) && !areEmpty[$0] }, style) {
      try body(line)
    }
  }

  /// Says which columns are shown, and how wide.
  private func fit(_ widths: inout [Int], _ style: TextStyle) -> [Int] {
    var kept = Array(columns.indices)
    guard let limit = style.columns, !widths.isEmpty else { return kept }
    let nameWidth = widths[0]
    func others(_ kept: [Int]) -> Int { kept.dropFirst().reduce(0) { $0 + widths[$1] + 2 } }
    let comfortable = min(nameWidth, columns[0].alignment == .left ? Self.nameWidths.comfortable : nameWidth)
    for column in dispensable where comfortable + others(kept) > limit {
      kept.removeAll { $0 == column }
    }
    if columns[0].alignment == .left {
      widths[0] = min(nameWidth, max(limit - others(kept), Self.nameWidths.least))
    }
    return kept
  }

  /// The line that says which columns are not shown.
  private func hidden(_ hidden: [Int], _ style: TextStyle) -> [String] {
    guard !hidden.isEmpty else { return [] }
    let titles = hidden.map { columns[$0].title }.filter { !$0.isEmpty }
    let names = titles.isEmpty ? "" : ": " + titles.joined(separator: ", ")
    return [
      style.text("(\(hidden.count == 1 ? "1 column" : "\(hidden.count) columns") hidden\(names))", .dim)
    ]
  }

  /// A text with its middle left out.
  private static func shortened(_ text: String, to width: Int) -> String {
    guard text.count > width, width > 1 else { return text }
    // The end of a name tells more than its start.
    let head = (width - 1) / 3
    return text.prefix(head) + "…" + text.suffix(width - 1 - head)
  }

  private func line(
    _ cells: [String], _ marks: [Int: TextStyle.Emphasis], _ kept: [Int], _ widths: [Int], _ style: TextStyle
  ) -> String {
    var text = ""
    var space = 0
    for column in kept {
      let cell = column == 0 ? Self.shortened(cells[column], to: widths[column]) : cells[column]
      let padding = max(0, widths[column] - cell.count)
      let isRight = columns[column].alignment == .right
      if isRight { space += padding }
      if !cell.isEmpty {
        text += String(repeating: " ", count: space)
        text += marks[column].map { style.text(cell, $0) } ?? cell
        space = 0
      }
      space += isRight ? 2 : padding + 2
    }
    return text
  }
}
