// SPDX-License-Identifier: Apache-2.0
// What a model made of a task, for people and programs.
import IngotEvaluation
import IngotKit

/// Tasks and their results as text and JSON.
package enum ZeroShotText {
  /// The totals, behind the items where they are asked for.
  package static func lines(_ report: ZeroShotReport, showsItems: Bool, style: TextStyle) -> [String] {
    var totals = TableLayout([("", .left), ("", .right), ("", .left)])
    totals.add(["items", Quantity.count(report.items.count), report.template])
    totals.add(
      [report.f1 == nil ? "accuracy" : "exact match", Quantity.percent(report.accuracy.share)]
        + [interval(report.accuracy)])
    if let perByte = report.accuracyPerByte {
      totals.add(["accuracy by bytes", Quantity.percent(perByte.share), interval(perByte)])
    }
    if let f1 = report.f1 { totals.add(["F1", Quantity.percent(f1), ""]) }
    if let chance = report.chance { totals.add(["chance", Quantity.percent(chance), ""]) }
    let name = style.text(ErrorRenderer.name(report.model), .strong)
    return (showsItems ? items(report, style) + [""] : [])
      + ["\(name) on \(style.text(ErrorRenderer.name(report.task), .strong))"]
      + totals.lines(style, hidesTitles: true)
  }

  private static func interval(_ share: Proportion) -> String {
    let interval = share.interval
    return
      "\(Quantity.percent(interval.lowerBound)) to \(Quantity.percent(interval.upperBound)), in 95 of 100 cases"
  }

  private static func items(_ report: ZeroShotReport, _ style: TextStyle) -> [String] {
    var table = TableLayout([("line", .right), ("", .left), ("score", .right), ("answer", .left)])
    for item in report.items {
      let isCorrect = item.result.isCorrect
      let (index, answer): (Int, String) =
        switch item.result {
        case .choice(let index, _, let right): (index, isCorrect ? "\(index)" : "\(index) for \(right)")
        case .answer(let text, _, _):
          (item.scores.indices.max { item.scores[$0] < item.scores[$1] } ?? 0, ErrorText.quoted(text))
        }
      table.add(
        [String(item.line), isCorrect ? "right" : "wrong"]
          + [Quantity.fixed(item.scores[index], decimals: 3), answer], marks: isCorrect ? [:] : [1: .note])
    }
    return table.lines(style)
  }

  /// `ingot zero-shot --json`.
  ///
  /// - Parameters:
  ///   - report: what was measured.
  ///   - missed: the bounds that do not hold, in words.
  /// - Returns: the object.
  package static func json(_ report: ZeroShotReport, missed: [String] = []) -> String {
    func interval(_ share: Proportion) -> MetadataValue {
      .array([.float64(share.interval.lowerBound), .float64(share.interval.upperBound)])
    }
    func real(_ value: Double?) -> MetadataValue { value.map { .float64($0) } ?? .null }
    return JSONText.document([
      ("model", .string(report.model)), ("task", .string(report.task)),
      ("template", .string(report.template)), ("items", .array(report.items.map { .object(item($0)) })),
      ("accuracy", .float64(report.accuracy.share)), ("interval", interval(report.accuracy)),
      ("accuracy_per_byte", real(report.accuracyPerByte?.share)),
      ("interval_per_byte", report.accuracyPerByte.map(interval) ?? .null),
      ("f1", real(report.f1)), ("chance", real(report.chance)),
      ("missed", .array(missed.map { .string($0) })),
    ])
  }

  private static func item(_ item: ZeroShotReport.Item) -> Metadata {
    var object = Metadata([
      .init(key: "line", value: .int64(Int64(item.line))),
      .init(key: "scores", value: .array(item.scores.map { .float64($0) })),
      .init(key: "scores_per_byte", value: .array(item.scoresPerByte.map { .float64($0) })),
    ])
    switch item.result {
    case .choice(let index, let perByte, let right):
      object["choice"] = .int64(Int64(index))
      object["choice_per_byte"] = .int64(Int64(perByte))
      object["answer"] = .int64(Int64(right))
      object["correct"] = .bool(index == right)
      object["correct_per_byte"] = .bool(perByte == right)
    case .answer(let text, let isExact, let f1):
      object["text"] = .string(text)
      object["correct"] = .bool(isExact)
      object["f1"] = .float64(f1)
    }
    return object
  }
}
