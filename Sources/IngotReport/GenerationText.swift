// SPDX-License-Identifier: Apache-2.0
// What was generated, for people and programs.
import IngotKit

/// Generated tokens and texts as text and JSON.
package enum GenerationText {
  /// The likeliest next tokens behind the prompt; none when none were asked for.
  package static func candidates(_ report: GenerationReport, style: TextStyle) -> [String] {
    guard !report.likeliest.isEmpty else { return [] }
    let hasTexts = report.likeliest.contains { $0.text != nil }
    var table = TableLayout(
      [("next token", .right), ("probability", .right)] + (hasTexts ? [("text", .left)] : []))
    for entry in report.likeliest {
      table.add(
        [String(entry.token), Quantity.percent(entry.probability)]
          + (entry.text.map { [ErrorText.quoted($0)] } ?? []))
    }
    return table.lines(style)
  }

  /// The ids added, on one line.
  package static func ids(_ report: GenerationReport) -> String {
    report.added.map(String.init).joined(separator: ",")
  }

  /// Why it ended, where that is not what was asked for.
  package static func note(_ report: GenerationReport, style: TextStyle) -> String? {
    guard report.stop == .context else { return nil }
    return "\(style.text("note ", .note))  the context of \(Count(report.contextLength, "token")) is full"
  }

  /// `ingot generate --json`.
  package static func json(_ report: GenerationReport) -> String {
    func ids(_ ids: [Int]) -> MetadataValue { .array(ids.map { .int64(Int64($0)) }) }
    let likeliest = report.likeliest.map { entry in
      MetadataValue.object(
        Metadata([
          .init(key: "token", value: .int64(Int64(entry.token))),
          .init(key: "probability", value: .float64(entry.probability)),
          .init(key: "text", value: entry.text.map { .string($0) } ?? .null),
        ]))
    }
    return JSONText.document([
      ("prompt_ids", ids(report.prompt)), ("ids", ids(report.added)),
      ("text", report.text.map { .string($0) } ?? .null),
      ("logprobs", .array(report.logProbabilities.map { .float64($0) })),
      ("stopped_by", .string(report.stop.rawValue)), ("context", .int64(Int64(report.contextLength))),
      ("top", .array(likeliest)),
    ])
  }
}
