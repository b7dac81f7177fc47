// SPDX-License-Identifier: Apache-2.0
// Evaluations and generated tokens for people and programs.
import IngotKit

/// Evaluations as text and JSON.
package enum EvaluationText {
  /// A line a figure.
  package static func lines(_ report: EvaluationReport, style: TextStyle) -> [String] {
    var table = TableLayout([("", .left), ("", .right), ("", .left)])
    table.add(["tokens", Quantity.count(report.loss.tokenCount), ""])
    table.add(["loss", Quantity.fixed(report.loss.mean, decimals: 4), "nats a token"])
    table.add(["perplexity", Quantity.fixed(report.loss.perplexity, decimals: 2), ""])
    if let baseline = report.baselineLoss {
      table.add(["baseline's perplexity", Quantity.fixed(baseline.perplexity, decimals: 2), ""])
    }
    if let divergence = report.divergence {
      table.add(["KL", Quantity.scientific(divergence.mean), "nats a token, on average"])
      table.add(["KL, 99th percentile", Quantity.scientific(divergence.percentile99), "nats"])
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
      ("perplexity", .float64(report.loss.perplexity)), ("bits_per_byte", .null),
      ("baseline_nll", report.baselineLoss.map { .float64($0.mean) } ?? .null),
      ("kl", report.divergence.map { .float64($0.mean) } ?? .null),
      ("kl_p99", report.divergence.map { .float64($0.percentile99) } ?? .null),
      ("top1_agreement", report.divergence.map { .float64($0.top1Agreement) } ?? .null),
    ])
  }
}

/// Generated tokens as text and JSON.
package enum GenerationText {
  /// The ids, and a table of the likeliest next tokens.
  package static func lines(_ report: GenerationReport, style: TextStyle) -> [String] {
    var lines: [String] = []
    if !report.likeliest.isEmpty {
      var table = TableLayout([("next token", .right), ("probability", .right)])
      for entry in report.likeliest { table.add([String(entry.token), Quantity.percent(entry.probability)]) }
      lines += table.lines(style)
    }
    return lines + [report.added.map(String.init).joined(separator: ",")]
  }

  /// `ingot generate --json`.
  package static func json(_ report: GenerationReport) -> String {
    func ids(_ ids: [Int]) -> MetadataValue { .array(ids.map { .int64(Int64($0)) }) }
    let likeliest = report.likeliest.map { entry in
      MetadataValue.object(
        Metadata([
          .init(key: "token", value: .int64(Int64(entry.token))),
          .init(key: "probability", value: .float64(entry.probability)),
        ]))
    }
    return JSONText.document([
      ("prompt", ids(report.prompt)), ("generated", ids(report.added)), ("top", .array(likeliest)),
    ])
  }
}
