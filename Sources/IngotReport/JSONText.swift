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
    printable(JSONWriter.text(withSchema(entries), style: .indented))
  }

  /// A report object with its schema on one line, ended by a line feed.
  package static func line(_ entries: [(String, MetadataValue)]) -> String {
    printable(JSONWriter.text(.object(withSchema(entries))))
  }

  private static func withSchema(_ entries: [(String, MetadataValue)]) -> Metadata {
    var object = Metadata([.init(key: "schema", value: .int64(1))])
    for (key, value) in entries { object[key] = value }
    return object
  }

  private static func printable(_ json: String) -> String {
    TextStyle.escapedInJSON(PathText.shown(json, escape: #"\\x"#)) + "\n"
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

  /// `ingot hash --json`: the checkpoints; of a single one its keys stand beside them too.
  package static func hashes(_ reports: [HashReport]) -> String {
    let entries = reports.map(hashEntries)
    let only = entries.count == 1 ? entries[0] : []
    return document(
      only + [
        ("checkpoints", .array(entries.map { .object(Metadata($0.map { .init(key: $0, value: $1) })) }))
      ])
  }

  private static func hashEntries(_ report: HashReport) -> [(String, MetadataValue)] {
    let tensors = report.tensors.map { tensor in
      MetadataValue.object(
        Metadata([
          .init(key: "name", value: .string(tensor.name)),
          .init(key: "dtype", value: .string(tensor.typeName)),
          .init(key: "shape", value: shape(tensor.shape)),
          .init(key: "sha256", value: .string(tensor.sha256)),
        ]))
    }
    return DigestDocument.entries(ofPath: report.path)
      + [
        ("model", .string(report.model)), ("tensors", .array(tensors)),
        ("findings", FindingText.json(report.findings)),
      ]
  }
}
