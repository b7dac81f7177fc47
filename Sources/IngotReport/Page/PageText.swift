// SPDX-License-Identifier: Apache-2.0
// What was put on a page, for people and programs.
import IngotKit

/// Pages told of in text and JSON.
package enum PageText {
  /// The page, and what is on it.
  package static func lines(
    _ report: ModelReport, output: String, byteCount: Int, style: TextStyle
  ) -> [String] {
    let against = report.other.map { " against \(style.text(ErrorRenderer.name($0), .strong))" } ?? ""
    let page = output == "-" ? "standard output" : ErrorRenderer.name(output)
    let families =
      report.families.count < report.tensors.count
      ? " in \(Count(report.families.count, "family", "families"))" : ""
    var lines = [
      "\(style.text(ErrorRenderer.name(report.inspection.path), .strong))\(against)  →  \(style.text(page, .strong))  \(Quantity.bytes(byteCount))",
      "\(Count(report.tensors.count, "tensor"))\(families), \(Quantity.count(report.valueCount)) values",
    ]
    if report.nonFiniteCount > 0 {
      lines.append(
        "\(style.text("note", .note))  \(Count(report.nonFiniteCount, "value is", "values are")) NaN or infinite"
      )
    }
    return lines
  }

  /// `ingot report --json`.
  package static func json(_ report: ModelReport, output: String, byteCount: Int) -> String {
    JSONText.document([
      ("input", .string(report.inspection.path)), ("against", report.other.map { .string($0) } ?? .null),
      ("output", .string(output)), ("bytes", .int64(Int64(byteCount))),
      ("tensors", .int64(Int64(report.tensors.count))),
      ("families", .int64(Int64(report.families.count))), ("values", .int64(Int64(report.valueCount))),
      ("not_finite", .int64(Int64(report.nonFiniteCount))),
      ("differs", report.difference.map { .bool(!$0.isEqual) } ?? .null),
      ("perplexity", report.evaluation.map { .float64($0.loss.perplexity) } ?? .null),
      ("kl", report.evaluation?.divergence.map { .float64($0.mean) } ?? .null),
    ])
  }
}
