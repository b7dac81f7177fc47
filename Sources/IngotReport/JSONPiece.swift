// SPDX-License-Identifier: Apache-2.0
// JSON that is written as it is made: of a list of a million objects there is one at a time.
import IngotBytes
import IngotCore
import IngotEncodings

/// A part of a report as JSON.
indirect enum JSONPiece {
  /// A value at hand.
  case value(MetadataValue)
  /// An object, its entries in order.
  case object([(String, JSONPiece)])
  /// An array of so many objects, each made when it is written.
  case list(Int, (Int) -> JSONPiece)

  /// What takes text piece by piece.
  typealias Sink = (String) throws(IngotError) -> Void

  /// Writes a report object with its schema, indented, ended by a line feed: what ``JSONText/document(_:)`` makes of values.
  ///
  /// - Parameters:
  ///   - entries: what stands in it, behind `schema`.
  ///   - write: takes the text, safe to print.
  /// - Throws: what that throws.
  static func writeDocument(_ entries: [(String, JSONPiece)], _ write: Sink) throws(IngotError) {
    try JSONPiece.object([("schema", .value(.int64(1)))] + entries).write(indent: 0, write)
    try write("\n")
  }

  private func write(indent: Int, _ sink: Sink) throws(IngotError) {
    let margin = "\n" + String(repeating: "  ", count: indent)
    switch self {
    case .value(let value):
      try sink(JSONText.printable(JSONWriter.text(value, style: .indented, indent: indent)))
    case .object(let entries):
      for (index, entry) in entries.enumerated() {
        try sink(
          (index == 0 ? "{" : ",") + margin + "  " + JSONText.printable(JSONWriter.quoted(entry.0)) + ": ")
        try entry.1.write(indent: indent + 1, sink)
      }
      try sink(entries.isEmpty ? "{}" : margin + "}")
    case .list(let count, let element):
      for index in 0..<count {
        try sink((index == 0 ? "[" : ",") + margin + "  ")
        try element(index).write(indent: indent + 1, sink)
      }
      try sink(count == 0 ? "[]" : margin + "]")
    }
  }
}
