// SPDX-License-Identifier: Apache-2.0
// Reports as JSON, by the contract: each object has "schema": 1, and changes only with a note in CHANGELOG.md.
import IngotBytes
import IngotEncodings
import IngotFormats
import IngotKit

/// Reports as JSON.
package enum JSONText {
  /// A value on one line.
  package static func text(_ value: MetadataValue) -> String { JSONWriter.text(value) }

  /// A report object with its schema, indented, ended by a line feed.
  package static func document(_ entries: [(String, MetadataValue)]) -> String {
    var object = Metadata([.init(key: "schema", value: .int64(1))])
    for (key, value) in entries { object[key] = value }
    let text = PathText.shown(JSONWriter.text(object, style: .indented), escape: #"\\x"#)
    return TextStyle.escapedInJSON(text) + "\n"
  }

  /// `ingot inspect --json`.
  package static func inspection(_ report: InspectionReport) -> String {
    let checkpoint = report.checkpoint
    return document([
      ("format", .string(checkpoint.format)), ("path", .string(report.path)),
      ("bytes", .int64(Int64(checkpoint.byteCount))),
      ("metadata", .object(checkpoint.metadata)), ("findings", FindingText.json(report.findings)),
      ("tensors", .array(report.tensors.map { .object(tensor($0)) })),
    ])
  }

  private static func tensor(_ tensor: InspectionReport.Tensor) -> Metadata {
    let descriptor = tensor.descriptor
    var object = Metadata([
      .init(key: "name", value: .string(descriptor.name)),
      .init(key: "dtype", value: .string(descriptor.typeName)),
      .init(key: "shape", value: shape(descriptor.shape)),
      .init(key: "bytes", value: .int64(Int64(descriptor.byteCount))),
    ])
    if let digest = tensor.sha256 { object["sha256"] = .string(digest) }
    if let alias = descriptor.aliasOf { object["alias_of"] = .string(alias) }
    if let quantization = descriptor.quantization {
      let hasZeroPoints = quantization.parts.contains { $0.kind == .zeroPoints }
      object["quantization"] = .object(
        QuantizedParts.description(of: quantization.scheme, hasZeroPoints: hasZeroPoints))
    }
    if descriptor.quantization != nil || descriptor.packing != nil {
      object["parts"] = .array(
        descriptor.parts.map { part in
          .object(
            Metadata([
              .init(key: "kind", value: .string(part.kind.rawValue)),
              .init(key: "dtype", value: .string(part.dtype.rawValue)),
              .init(key: "shape", value: shape(part.shape)),
            ]))
        })
    }
    if let statistics = tensor.statistics { object["stats"] = .object(self.statistics(statistics)) }
    return object
  }

  /// A shape as JSON.
  static func shape(_ shape: Shape) -> MetadataValue {
    .array(shape.dimensions.map { .int64(Int64($0)) })
  }

  private static func statistics(_ statistics: ElementStatistics) -> Metadata {
    func real(_ value: Double?) -> MetadataValue { value.map { .float64($0) } ?? .null }
    return Metadata([
      .init(key: "min", value: real(statistics.min)), .init(key: "max", value: real(statistics.max)),
      .init(key: "mean", value: real(statistics.mean)),
      .init(key: "std", value: real(statistics.standardDeviation)),
      .init(key: "zeros", value: .int64(Int64(statistics.zeroCount))),
      .init(key: "nan", value: .int64(Int64(statistics.nanCount))),
      .init(key: "inf", value: .int64(Int64(statistics.infinityCount))),
    ])
  }

  /// `ingot convert --json`.
  package static func conversion(_ report: ConversionReport) -> String { document(entries(report)) }

  /// What is told of everything that is written.
  static func entries(_ report: ConversionReport) -> [(String, MetadataValue)] {
    var entries: [(String, MetadataValue)] = [
      ("input", .string(report.input)), ("output", .string(report.output)),
      ("format", .string(report.outputFormat)),
      ("bytes", .int64(Int64(report.byteCount))), ("tensors", .int64(Int64(report.tensorCount))),
      ("losses", LossText.json(report.losses)), ("checked", .bool(report.wasChecked)),
      ("memory_bound", .int64(Int64(report.memoryBound))),
    ]
    if report.resumedPartCount > 0 || report.wasToResume {
      entries.append(("resumed_parts", .int64(Int64(report.resumedPartCount))))
    }
    if report.leftovers.byteCount > 0 {
      entries.append(("leftover_bytes_removed", .int64(Int64(report.leftovers.byteCount))))
    }
    return entries
  }

  /// `ingot hash --json`, for one or more checkpoints.
  package static func hashes(_ reports: [HashReport]) -> String {
    guard reports.count != 1, !reports.isEmpty else {
      return document(reports.first.map { hashEntries($0) } ?? [])
    }
    return document([
      (
        "checkpoints",
        .array(reports.map { .object(Metadata(hashEntries($0).map { .init(key: $0, value: $1) })) })
      )
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
    return [("path", .string(report.path)), ("model", .string(report.model)), ("tensors", .array(tensors))]
  }

  private static func matching(_ report: DiffReport) -> [(String, MetadataValue)] {
    guard let matching = report.matching else { return [] }
    func names(_ names: [String]) -> MetadataValue { .array(names.map { .string($0) }) }
    return [
      ("dialects", .array([.string(matching.dialects.0), .string(matching.dialects.1)])),
      ("names", .string(matching.names)), ("transposed", .int64(Int64(matching.transposedCount))),
      ("ignored_a", names(matching.ignored.0)), ("ignored_b", names(matching.ignored.1)),
    ]
  }

  /// `ingot diff --json`.
  package static func diff(_ report: DiffReport) -> String {
    func names(_ names: [String]) -> MetadataValue { .array(names.map { .string($0) }) }
    let changed = report.changed.map { change in
      MetadataValue.object(
        Metadata([
          .init(key: "name", value: .string(change.name)),
          .init(
            key: "dtype",
            value: .array([.string(change.typeNames.0), .string(change.typeNames.1)])),
          .init(key: "shape", value: .array([shape(change.shapes.0), shape(change.shapes.1)])),
          .init(key: "max_abs", value: change.maxAbs.map { .float64($0) } ?? .null),
          .init(key: "rms_rel", value: change.rmsRel.map { .float64($0) } ?? .null),
          .init(key: "differing", value: change.differingCount.map { .int64(Int64($0)) } ?? .null),
          .init(key: "is_cast_to", value: change.isCastTo.map { .string($0.rawValue) } ?? .null),
          .init(key: "is_cast_from", value: change.isCastFrom.map { .string($0.rawValue) } ?? .null),
          .init(key: "within_tolerance", value: .bool(change.isWithinTolerance)),
        ]))
    }
    return document(
      [
        ("only_a", names(report.onlyFirst)), ("only_b", names(report.onlySecond)),
        ("changed", .array(changed)),
        ("equal", .int64(Int64(report.equalCount))),
      ] + matching(report))
  }
}
