// SPDX-License-Identifier: Apache-2.0
// Reports as JSON, by the contract: each object has "schema": 1, and changes only with a note in CHANGELOG.md.
import IngotBytes
import IngotEncodings
import IngotFormats
import IngotKit
import IngotModels

/// Reports as JSON.
package enum JSONText {
  /// A value on one line.
  package static func text(_ value: MetadataValue) -> String { JSONWriter.text(value) }

  /// A value on one line, safe to print.
  static func escaped(_ value: MetadataValue) -> String {
    TextStyle.escapedInJSON(PathText.shown(JSONWriter.text(value), escape: #"\\x"#))
  }

  /// A report object with its schema, indented, ended by a line feed.
  package static func document(_ entries: [(String, MetadataValue)]) -> String {
    printable(JSONWriter.text(withSchema(entries), style: .indented)) + "\n"
  }

  /// A report object with its schema on one line, ended by a line feed.
  package static func line(_ entries: [(String, MetadataValue)]) -> String {
    printable(JSONWriter.text(.object(withSchema(entries)))) + "\n"
  }

  private static func withSchema(_ entries: [(String, MetadataValue)]) -> Metadata {
    var object = Metadata([.init(key: "schema", value: .int64(1))])
    for (key, value) in entries { object[key] = value }
    return object
  }

  /// JSON that is safe to print.
  static func printable(_ json: String) -> String {
    TextStyle.escapedInJSON(PathText.shown(json, escape: #"\\x"#))
  }

  /// A shape as JSON.
  static func shape(_ shape: Shape) -> MetadataValue {
    .array(shape.dimensions.map { .int64(Int64($0)) })
  }

  /// `ingot convert --json`.
  package static func conversion(_ report: ConversionReport) -> String { document(entries(report)) }

  /// What is told of everything that is written.
  static func entries(_ report: ConversionReport) -> [(String, MetadataValue)] {
    var entries: [(String, MetadataValue)] = [
      ("input", .string(report.input)), ("output", .string(report.output)),
      ("format", .string(report.outputFormat)),
      ("bytes", .int64(Int64(report.byteCount))), ("tensors", .int64(Int64(report.tensorCount))),
      ("losses", LossText.json(report.losses)), ("findings", FindingText.json(report.findings)),
      ("files", .array(report.fileNames.map { .string($0) })), ("checked", .bool(report.wasChecked)),
      ("memory_bound", .int64(Int64(report.memoryBound))),
    ]
    if let dialects = report.dialects {
      entries += [
        ("names", names(dialects)), ("transposed", .int64(Int64(report.transposedCount))),
      ]
    }
    if !report.renames.isEmpty {
      let renames = report.renames.map { rename in
        MetadataValue.object(
          Metadata([
            .init(key: "rule", value: .string(rename.rule)),
            .init(key: "tensors", value: .int64(Int64(rename.tensorCount))),
          ]))
      }
      entries.append(("renames", .array(renames)))
    }
    if report.resumedPartCount > 0 || report.wasToResume {
      entries.append(("resumed_parts", .int64(Int64(report.resumedPartCount))))
    }
    if report.leftovers.byteCount > 0 {
      entries.append(("leftover_bytes_removed", .int64(Int64(report.leftovers.byteCount))))
    }
    return entries
  }

  /// The dialects of an input's names and an output's.
  static func names(_ dialects: (from: String, to: String)) -> MetadataValue {
    .object(
      Metadata([
        .init(key: "from", value: .string(dialects.from)), .init(key: "to", value: .string(dialects.to)),
      ]))
  }

  /// Writes `ingot hash --json`: the checkpoints; of a single one its keys stand beside them too.
  package static func writeHashes(
    _ reports: [HashReport], _ write: (String) throws(IngotError) -> Void
  ) throws(IngotError) {
    let only = reports.count == 1 ? hashEntries(reports[0]) : []
    try JSONPiece.writeDocument(
      only + [("checkpoints", .list(reports.count) { .object(hashEntries(reports[$0])) })], write)
  }

  private static func hashEntries(_ report: HashReport) -> [(String, JSONPiece)] {
    let tensors = JSONPiece.list(report.tensors.count) { index in
      let tensor = report.tensors[index]
      return .value(
        .object(
          Metadata([
            .init(key: "name", value: .string(tensor.name)),
            .init(key: "dtype", value: .string(tensor.typeName)),
            .init(key: "shape", value: shape(tensor.shape)),
            .init(key: "sha256", value: .string(tensor.sha256)),
          ])))
    }
    return DigestDocument.entries(ofPath: report.path).map { ($0, .value($1)) } + [
      ("model", .value(.string(report.model))), ("tensors", tensors),
      ("findings", .value(FindingText.json(report.findings))),
    ]
  }
}
