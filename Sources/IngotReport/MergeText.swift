// SPDX-License-Identifier: Apache-2.0
// A merge as text and JSON: what went into it, and what was written.
import IngotEncodings
import IngotKit

/// Merges as text and JSON.
package enum MergeText {
  /// The lines of a merge that ran.
  ///
  /// - Parameters:
  ///   - report: what was done.
  ///   - seconds: how long it took.
  ///   - style: where the text goes.
  /// - Returns: the lines.
  package static func lines(_ report: MergeReport, seconds: Double, style: TextStyle) -> [String] {
    let conversion = ConversionText.lines(report.conversion, seconds: seconds, style: style)
    return conversion.prefix(1) + report.inputs.map(line)
      + ["\(Count(report.mergedCount, "tensor is", "tensors are")) merged in float64 and rounded once"]
      + conversion.dropFirst()
  }

  private static func line(_ input: MergeReport.Input) -> String {
    let weight = input.weight == 1 ? "" : " × \(input.weight)"
    var line = "+ \(ErrorRenderer.name(input.path))\(weight)  \(Count(input.tensorCount, "tensor"))"
    if let dropped = input.droppedPrefix { line += ", its names without \(ErrorRenderer.name(dropped))" }
    if let added = input.addedPrefix { line += ", its names with \(ErrorRenderer.name(added)) before them" }
    return line
  }

  /// `ingot merge --json`: what `convert` prints, with what went in.
  package static func json(_ report: MergeReport) -> String {
    JSONText.document(
      JSONText.entries(report.conversion) + [
        ("merged", .int64(Int64(report.mergedCount))),
        (
          "inputs",
          .array(
            report.inputs.map { input in
              .object(
                Metadata([
                  .init(key: "path", value: .string(input.path)),
                  .init(key: "weight", value: .float64(input.weight)),
                  .init(key: "tensors", value: .int64(Int64(input.tensorCount))),
                  .init(key: "dropped_prefix", value: input.droppedPrefix.map { .string($0) } ?? .null),
                  .init(key: "added_prefix", value: input.addedPrefix.map { .string($0) } ?? .null),
                ]))
            })
        ),
      ])
  }
}
