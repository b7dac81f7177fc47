// SPDX-License-Identifier: Apache-2.0
// A comparison of two checkpoints for programs.
import IngotKit

extension JSONText {
  /// `ingot diff --json`.
  package static func diff(_ report: DiffReport) -> String {
    var entries: [(String, MetadataValue)] = [
      ("only_a", names(report.loneFirst)), ("only_b", names(report.loneSecond)),
      ("renamed", .array(report.renamed.map { names([$0.first, $0.second]) })),
      ("changed", .array(report.changed.map { .object(Metadata(change($0))) })),
      ("equal", .int64(Int64(report.equalCount))),
      ("findings_a", FindingText.json(report.leftOut.first)),
      ("findings_b", FindingText.json(report.leftOut.second)),
    ]
    if let matching = report.matching {
      entries += [
        ("dialects", names([matching.dialects.0, matching.dialects.1])),
        ("names", .string(matching.names)), ("transposed", .int64(Int64(matching.transposedCount))),
        ("ignored_a", names(matching.ignored.0)), ("ignored_b", names(matching.ignored.1)),
      ]
    }
    return document(entries)
  }

  private static func names(_ names: [String]) -> MetadataValue { .array(names.map { .string($0) }) }

  private static func change(_ change: DiffReport.Change) -> [Metadata.Entry] {
    func real(_ value: Double?) -> MetadataValue { value.map { .float64($0) } ?? .null }
    func place(_ place: [Int]?) -> MetadataValue {
      place.map { .array($0.map { .int64(Int64($0)) }) } ?? .null
    }
    func dtype(_ dtype: DType?) -> MetadataValue { dtype.map { .string($0.rawValue) } ?? .null }
    return [
      .init(key: "name", value: .string(change.name)),
      .init(key: "dtype", value: names([change.typeNames.0, change.typeNames.1])),
      .init(key: "shape", value: .array([shape(change.shapes.0), shape(change.shapes.1)])),
      .init(key: "max_abs", value: real(change.maxAbs)), .init(key: "rms_rel", value: real(change.rmsRel)),
      .init(key: "snr_db", value: real(change.signalToNoise)),
      .init(key: "differing", value: change.differingCount.map { .int64(Int64($0)) } ?? .null),
      .init(key: "first_at", value: place(change.firstPlace)),
      .init(key: "largest_at", value: place(change.largestPlace)),
      .init(key: "bits_only", value: .bool(change.hasSameNumbers)),
      .init(key: "is_cast_to", value: dtype(change.isCastTo)),
      .init(key: "is_cast_from", value: dtype(change.isCastFrom)),
      .init(key: "within_tolerance", value: .bool(change.isWithinTolerance)),
    ]
  }
}
