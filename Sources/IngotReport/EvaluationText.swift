// SPDX-License-Identifier: Apache-2.0
// Evaluations for people and programs.
import IngotKit

/// Evaluations as text and JSON.
package enum EvaluationText {
  /// A line a figure.
  package static func lines(_ report: EvaluationReport, style: TextStyle) -> [String] {
    var table = TableLayout([("", .left), ("", .right), ("", .left)])
    let isPseudo = report.kind == .pseudoLogLikelihood
    let perplexity = perplexityName(report)
    let unit = isPseudo ? "nats a token, by pseudo-log-likelihood" : "nats a token"
    table.add(["tokens", Quantity.count(report.loss.tokenCount), ""])
    table.add(["loss", Quantity.fixed(report.loss.mean, decimals: 4), unit])
    table.add([perplexity, Quantity.fixed(report.loss.perplexity, decimals: 2), ""])
    if let bits = report.bitsPerByte { table.add(["bits a byte", Quantity.fixed(bits, decimals: 4), ""]) }
    if let baseline = report.baselineLoss {
      table.add(["baseline's \(perplexity)", Quantity.fixed(baseline.perplexity, decimals: 2), ""])
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

  /// What a perplexity is called.
  static func perplexityName(_ report: EvaluationReport) -> String {
    report.kind == .pseudoLogLikelihood ? "pseudo-perplexity" : "perplexity"
  }

  /// `ingot eval --json`.
  ///
  /// - Parameters:
  ///   - report: what was measured.
  ///   - missed: the bounds that do not hold, in words.
  /// - Returns: the object.
  package static func json(_ report: EvaluationReport, missed: [String] = []) -> String {
    var entries = figures(report)
    entries.insert(("model", .string(report.model)), at: 0)
    entries.insert(("against", report.against.map { .string($0) } ?? .null), at: 2)
    entries.append(("missed", .array(missed.map { .string($0) })))
    if let tokens = report.tokens { entries.append(("per_token", .array(tokens.map(token)))) }
    return JSONText.document(entries)
  }

  /// The figures of all tokens together.
  static func figures(_ report: EvaluationReport) -> [(String, MetadataValue)] {
    [
      ("kind", .string(report.kind.rawValue)),
      ("tokens", .int64(Int64(report.loss.tokenCount))), ("nll", .float64(report.loss.mean)),
      ("perplexity", .float64(report.loss.perplexity)), ("bits_per_byte", real(report.bitsPerByte)),
      ("bytes", report.byteCount.map { .int64(Int64($0)) } ?? .null),
      ("baseline_nll", real(report.baselineLoss?.mean)),
      ("baseline_perplexity", real(report.baselineLoss?.perplexity)), ("kl", real(report.divergence?.mean)),
      ("perplexity_difference", real(report.paired?.perplexityDifference)),
      ("perplexity_difference_error", real(report.paired?.standardError)),
      ("kl_median", real(report.divergence?.median)), ("kl_max", real(report.divergence?.largest)),
      ("kl_p99", real(report.divergence?.percentile99)),
      ("top1_agreement", real(report.divergence?.top1Agreement)),
    ]
  }

  private static func real(_ value: Double?) -> MetadataValue { value.map { .float64($0) } ?? .null }

  /// A token of `per_token`.
  private static func token(_ score: TokenScore) -> MetadataValue {
    var entries: [(String, MetadataValue)] = [
      ("index", .int64(Int64(score.index))), ("id", .int64(Int64(score.id))), ("nll", .float64(score.loss)),
    ]
    if let loss = score.baselineLoss { entries.append(("baseline_nll", .float64(loss))) }
    if let divergence = score.divergence { entries.append(("kl", .float64(divergence))) }
    if let text = score.text { entries.append(("text", .string(text))) }
    return .object(Metadata(entries.map { .init(key: $0.0, value: $0.1) }))
  }
}
