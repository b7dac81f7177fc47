// SPDX-License-Identifier: Apache-2.0
// Evaluations for people and programs.
import IngotKit

/// Evaluations as text and JSON.
package enum EvaluationText {
  /// A line a figure.
  package static func lines(_ report: EvaluationReport, style: TextStyle) -> [String] {
    var table = TableLayout([("", .left), ("", .right), ("", .left)])
    table.add(["tokens", Quantity.count(report.loss.tokenCount), ""])
    table.add(["loss", Quantity.fixed(report.loss.mean, decimals: 4), "nats a token"])
    table.add(["perplexity", Quantity.fixed(report.loss.perplexity, decimals: 2), ""])
    if let bits = report.bitsPerByte { table.add(["bits a byte", Quantity.fixed(bits, decimals: 4), ""]) }
    if let baseline = report.baselineLoss {
      table.add(["baseline's perplexity", Quantity.fixed(baseline.perplexity, decimals: 2), ""])
    }
    if let paired = report.paired {
      let error = "± \(Quantity.fixed(paired.standardError, decimals: 4)), its standard error"
      table.add(["difference", Quantity.fixed(paired.perplexityDifference, decimals: 4), error])
    }
    if let divergence = report.divergence {
      table.add(["KL", Quantity.scientific(divergence.mean), "nats a token, on average"])
      table.add(["KL, median", Quantity.scientific(divergence.median), "nats"])
      table.add(["KL, 99th percentile", Quantity.scientific(divergence.percentile99), "nats"])
      table.add(["KL, largest", Quantity.scientific(divergence.largest), "nats"])
      table.add(["same likeliest token", Quantity.percent(divergence.top1Agreement), ""])
    }
    let against = report.against.map { " against \(style.text(ErrorRenderer.name($0), .strong))" } ?? ""
    return [style.text(ErrorRenderer.name(report.model), .strong) + against]
      + table.lines(style, hidesTitles: true)
  }

  /// `ingot eval --json`.
  package static func json(_ report: EvaluationReport) -> String {
    JSONText.document([
      ("model", .string(report.model)), ("against", report.against.map { .string($0) } ?? .null),
      ("tokens", .int64(Int64(report.loss.tokenCount))), ("nll", .float64(report.loss.mean)),
      ("perplexity", .float64(report.loss.perplexity)),
      ("bits_per_byte", report.bitsPerByte.map { .float64($0) } ?? .null),
      ("bytes", report.byteCount.map { .int64(Int64($0)) } ?? .null),
      ("baseline_nll", report.baselineLoss.map { .float64($0.mean) } ?? .null),
      ("kl", report.divergence.map { .float64($0.mean) } ?? .null),
      ("perplexity_difference", report.paired.map { .float64($0.perplexityDifference) } ?? .null),
      ("perplexity_difference_error", report.paired.map { .float64($0.standardError) } ?? .null),
      ("kl_median", report.divergence.map { .float64($0.median) } ?? .null),
      ("kl_max", report.divergence.map { .float64($0.largest) } ?? .null),
      ("kl_p99", report.divergence.map { .float64($0.percentile99) } ?? .null),
      ("top1_agreement", report.divergence.map { .float64($0.top1Agreement) } ?? .null),
    ])
  }
}
