// SPDX-License-Identifier: Apache-2.0
// Values of tensors for people and programs: rows of the last two dimensions under the index of the others. Many values are
// shown by their edges, as numpy does, unless all are asked for; what is printed is all that is held.
import IngotKit

/// Values of tensors as text and JSON.
package struct ExcerptText {
  /// Values that are shown without leaving out any.
  private static let wholeLimit = 1000
  /// Indexes at either end of a dimension that stay where others are left out.
  private static let edge = 3
  /// Values that are read at a time.
  private static let stepCount = 4096

  private let excerpt: TensorExcerpt
  private let style: TextStyle
  private let isWhole: Bool
  private let write: (String) throws(IngotError) -> Void

  /// Writes the values of a part of a tensor for people.
  ///
  /// - Parameters:
  ///   - excerpt: the part.
  ///   - showsAll: whether to leave out none of many values.
  ///   - style: where the text goes.
  ///   - write: takes the text, piece by piece.
  /// - Throws: read errors, and those of `write`.
  package static func write(
    _ excerpt: TensorExcerpt, showsAll: Bool, style: TextStyle,
    _ write: @escaping (String) throws(IngotError) -> Void
  ) throws(IngotError) {
    let isSmall = excerpt.shape.elementCount <= wholeLimit
    let text = ExcerptText(excerpt: excerpt, style: style, isWhole: showsAll || isSmall, write: write)
    try write(text.heading + "\n")
    if excerpt.shape.elementCount == 0 {
      try write("  (no values)\n")
    } else if isSmall || !showsAll {
      try text.writeAligned()
    } else {
      try text.writeRows()
    }
    if !text.isWhole {
      try write(
        style.text("  (--all shows each of the \(Count(excerpt.shape.elementCount, "value")))", .dim) + "\n")
    }
  }

  /// `w[1:3,:2]  F32  2 × 2`.
  private var heading: String {
    let type =
      excerpt.typeName == excerpt.dtype.rawValue
      ? excerpt.typeName : "\(excerpt.typeName) as \(excerpt.dtype)"
    let name =
      PrintableText.escaped(excerpt.name, limit: 300) + PrintableText.escaped(excerpt.slice.description)
    return "\(style.text(name, .strong))  \(type)  \(excerpt.shape.label)"
  }

  /// The indexes of a dimension that are shown: all, or those at its ends.
  private func shown(_ size: Int) -> [Range<Int>] {
    isWhole || size <= 2 * Self.edge ? [0..<size] : [0..<Self.edge, (size - Self.edge)..<size]
  }

  /// A row's values, at the places of the last dimension that are shown.
  private func cells(of place: [Int]) throws(IngotError) -> [String] {
    var cells: [String] = []
    for (number, columns) in shown(excerpt.shape.dimensions.last ?? 1).enumerated() {
      if number > 0 { cells.append("…") }
      cells += try excerpt.values(at: place, columns: columns).map(\.description)
    }
    return cells
  }

  /// Few values, as columns.
  private func writeAligned() throws(IngotError) {
    var count = 0
    try forEachMatrix { (label, place) throws(IngotError) in
      if let label { try write("  " + style.text(label, .dim) + "\n") }
      guard count <= 2 * Self.wholeLimit else { return false }
      var table: [[String]?] = []
      for (number, rows) in rows.enumerated() {
        if number > 0 { table.append(nil) }
        for row in rows {
          let cells = try cells(of: isMatrix ? place + [row] : place)
          count += cells.count
          table.append(cells)
        }
      }
      for line in lines(table) { try write(line + "\n") }
      return true
    }
  }

  /// Whether there are rows of rows.
  private var isMatrix: Bool { excerpt.shape.rank > 1 }

  /// The rows of a matrix that are shown; one for a vector.
  private var rows: [Range<Int>] {
    isMatrix ? shown(excerpt.shape.dimensions[excerpt.shape.rank - 2]) : [0..<1]
  }

  /// Rows of cells as aligned lines; a row that is wider than the terminal goes on below.
  private func lines(_ rows: [[String]?]) -> [String] {
    let columnCount = rows.lazy.compactMap { $0?.count }.max() ?? 0
    let widths = (0..<columnCount).map { column in
      rows.reduce(0) { max($0, $1?[column].count ?? 0) }
    }
    return rows.flatMap { row -> [String] in
      guard let row else { return ["  …"] }
      var lines: [String] = []
      var line = "  "
      for (cell, width) in zip(row, widths) {
        let padded = String(repeating: " ", count: width - cell.count) + cell
        if let columns = style.columns, line.count > 4, line.count + width > columns {
          lines.append(line)
          line = "    "
        }
        line += (line.allSatisfy { $0 == " " } ? "" : "  ") + padded
      }
      return lines + [line]
    }
  }

  /// All of many values: a row a line, as it is read.
  private func writeRows() throws(IngotError) {
    let count = excerpt.shape.dimensions.last ?? 1
    try forEachMatrix { (label, place) throws(IngotError) in
      if let label { try write("  " + style.text(label, .dim) + "\n") }
      for row in rows.joined() {
        for start in stride(from: 0, to: count, by: Self.stepCount) {
          let columns = start..<min(count, start + Self.stepCount)
          let values = try excerpt.values(at: isMatrix ? place + [row] : place, columns: columns)
          try write((start == 0 ? "  " : " ") + values.map(\.description).joined(separator: " "))
        }
        try write("\n")
      }
      return true
    }
  }

  /// Hands over the place of each matrix, with its label where there are several; goes on as long as the body wants more.
  private func forEachMatrix(
    _ body: (_ label: String?, _ place: [Int]) throws(IngotError) -> Bool
  ) throws(IngotError) {
    let outer = Array(excerpt.shape.dimensions.dropLast(2))
    func isWanted(_ place: [Int]) throws(IngotError) -> Bool {
      guard place.count < outer.count else {
        return try body(outer.isEmpty ? nil : "[\(place.map(String.init).joined(separator: ", "))]", place)
      }
      for (number, indexes) in shown(outer[place.count]).enumerated() {
        if number > 0 { try write("  …\n") }
        for index in indexes {
          guard try isWanted(place + [index]) else { return false }
        }
      }
      return true
    }
    if try !isWanted([]) { try write("  …\n") }
  }

  // MARK: - JSON

  /// Writes `ingot show --json`: each part with its values as nested lists.
  ///
  /// - Parameters:
  ///   - excerpts: the parts.
  ///   - path: the checkpoint's path.
  ///   - write: takes the text, piece by piece.
  /// - Throws: read errors, and those of `write`.
  package static func writeJSON(
    _ excerpts: [TensorExcerpt], path: String, _ write: (String) throws(IngotError) -> Void
  ) throws(IngotError) {
    // The head is a document without tensors, up to the end of their list.
    let head = JSONText.document([("path", .string(path)), ("tensors", .array([]))])
    let end = head.lastIndex(of: "]") ?? head.endIndex
    try write(String(head[..<end]))
    for (index, excerpt) in excerpts.enumerated() {
      let entry = Metadata([
        .init(key: "name", value: .string(excerpt.name)),
        .init(key: "slice", value: .string(excerpt.slice.description)),
        .init(key: "dtype", value: .string(excerpt.typeName)),
        .init(key: "shape", value: JSONText.shape(excerpt.shape)),
      ])
      let text = JSONText.escaped(.object(entry))
      try write((index == 0 ? "\n    " : ",\n    ") + text.dropLast() + ",\"values\":")
      try writeValues(of: excerpt, at: [], write)
      try write("}")
    }
    try write((excerpts.isEmpty ? "" : "\n  ") + head[end...])
  }

  private static func writeValues(
    of excerpt: TensorExcerpt, at place: [Int], _ write: (String) throws(IngotError) -> Void
  ) throws(IngotError) {
    let dimensions = excerpt.shape.dimensions
    guard !dimensions.isEmpty else {
      for value in try excerpt.values(at: [], columns: 0..<1) { try write(json(value)) }
      return
    }
    let size = dimensions[place.count]
    try write("[")
    if place.count == dimensions.count - 1 {
      for start in stride(from: 0, to: size, by: stepCount) {
        let values = try excerpt.values(at: place, columns: start..<min(size, start + stepCount))
        try write((start > 0 ? "," : "") + values.map(json).joined(separator: ","))
      }
    } else {
      for index in 0..<size {
        if index > 0 { try write(",") }
        try writeValues(of: excerpt, at: place + [index], write)
      }
    }
    try write("]")
  }

  /// A number as it is, to the last bit; a complex one as text.
  private static func json(_ value: ElementValue) -> String {
    switch value {
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): value.description
    case .real(let value, _): JSONText.text(.float64(value))
    case .complex: "\"\(value)\""
    }
  }
}
