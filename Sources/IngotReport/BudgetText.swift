// SPDX-License-Identifier: Apache-2.0
// What quantizing each weight costs, and what was chosen for a budget, for people and programs.
import IngotFormats
import IngotKit

/// Budgets of quantizations as text and JSON.
enum BudgetText {
  /// A bound, in words.
  static func bound(_ bound: QuantizationBudget) -> String {
    switch bound {
    case .bits(let bits): "at most \(Quantity.real(bits)) bits a weight"
    case .bytes(let count): "at most \(Quantity.bytes(count))"
    case .divergence(let most): "a KL of at most \(Quantity.scientific(most))"
    }
  }

  /// What was chosen, and what else could have been.
  static func lines(_ choice: BudgetChoice, style: TextStyle) -> [String] {
    var counts: [QuantizationScheme: Int] = [:]
    for weight in choice.weights { counts[weight.scheme, default: 0] += 1 }
    let schemes = QuantizationScheme.allCases.compactMap { scheme in
      counts[scheme].map { "\($0) \(scheme == .keep ? "kept" : scheme.rawValue)" }
    }
    let chosen = choice.chosen
    return [
      "chosen: \(schemes.joined(separator: ", ")) · \(Quantity.fixed(chosen.bitsPerWeight, decimals: 2)) bits a weight · KL expected \(Quantity.scientific(chosen.divergence))"
    ] + frontier(choice.frontier, chosen: chosen, style: style)
  }

  /// Mixtures from the smallest to the largest, with a mark at what was chosen.
  static func frontier(
    _ points: [BudgetChoice.Point], chosen: BudgetChoice.Point? = nil, style: TextStyle
  ) -> [String] {
    var table = TableLayout([
      ("bits a weight", .right), ("weights", .right), ("KL expected", .right), ("", .left),
    ])
    let all =
      chosen.map { chosen in
        points.filter { $0 != chosen } + [chosen]
      } ?? points
    for point in all.sorted(by: { $0.byteCount < $1.byteCount }) {
      table.add([
        Quantity.fixed(point.bitsPerWeight, decimals: 2), Quantity.bytes(point.byteCount),
        Quantity.scientific(point.divergence), point == chosen ? "chosen" : "",
      ])
    }
    return table.lines(style)
  }

  /// The choice as it stands in `ingot quantize --json`.
  static func json(_ choice: BudgetChoice) -> MetadataValue {
    let bound: (String, MetadataValue) =
      switch choice.bound {
      case .bits(let bits): ("max_bits", .float64(bits))
      case .bytes(let count): ("max_size", .int64(Int64(count)))
      case .divergence(let most): ("max_kl", .float64(most))
      }
    return object([
      bound, ("chosen", json(choice.chosen)), ("frontier", .array(choice.frontier.map(json))),
      (
        "weights",
        .array(
          choice.weights.map {
            object([
              ("name", .string($0.name)), ("scheme", .string($0.scheme.rawValue)),
              ("bytes", .int64(Int64($0.byteCount))), ("kl_expected", .float64($0.divergence)),
            ])
          })
      ),
    ])
  }

  /// A mixture.
  static func json(_ point: BudgetChoice.Point) -> MetadataValue {
    object([
      ("bits_per_weight", .float64(point.bitsPerWeight)), ("bytes", .int64(Int64(point.byteCount))),
      ("kl_expected", .float64(point.divergence)),
    ])
  }

  private static func object(_ entries: [(String, MetadataValue)]) -> MetadataValue {
    .object(Metadata(entries.map { .init(key: $0.0, value: $0.1) }))
  }
}

/// Sensitivities as text and JSON.
package enum SensitivityText {
  /// Weights that are told without being asked for: those that cost most.
  private static let weightLimit = 20

  /// What each weight costs, those that cost most first.
  package static func lines(
    _ report: SensitivityReport, listsAll: Bool, style: TextStyle
  ) -> [String] {
    let table = report.table
    let weights = table.weights.sorted { $0.largest > $1.largest }
    let shown = listsAll ? weights[...] : weights.prefix(weightLimit)
    let schemes = QuantizationScheme.allCases.filter { scheme in
      table.weights.contains { $0.divergences[scheme] != nil }
    }
    var layout = TableLayout(
      [("weight", .left)] + schemes.map { ($0.rawValue, .right) } + [("values", .right)])
    for weight in shown {
      layout.add(
        [ErrorRenderer.name(weight.name)]
          + schemes.map { weight.divergences[$0].map(Quantity.scientific) ?? "–" }
          + [Quantity.count(weight.elementCount)])
    }
    let rounding = table.isCalibrated ? "with error feedback" : "to nearest"
    let resumed = report.resumedCount > 0 ? " · \(report.resumedCount) of an earlier run" : ""
    return [
      "\(style.text(ErrorRenderer.name(report.model), .strong))  KL a token of each weight alone, rounded \(rounding)\(resumed)"
    ] + layout.lines(style)
      + (shown.count < weights.count ? ["(--all lists all \(Count(weights.count, "weight")))"] : [])
      + [
        "measured on \(Count(table.tokenCount, "token")) of \(ErrorRenderer.name(report.source)); together, the best for their bytes:"
      ] + BudgetText.frontier(report.frontier, style: style)
      + (report.output.map { ["wrote \(ErrorRenderer.name($0))"] } ?? [])
  }

  /// `ingot sensitivity --json`.
  package static func json(_ report: SensitivityReport) -> String {
    JSONText.document([
      ("model", .string(report.model)), ("text", .string(report.source)),
      ("tokens", .int64(Int64(report.table.tokenCount))), ("calibrated", .bool(report.table.isCalibrated)),
      ("resumed", .int64(Int64(report.resumedCount))),
      (
        "weights",
        .array(
          report.table.weights.map { weight in
            let costs = weight.divergences.sorted { $0.key.rawValue < $1.key.rawValue }
            return .object(
              Metadata([
                .init(key: "name", value: .string(weight.name)),
                .init(key: "values", value: .int64(Int64(weight.elementCount))),
                .init(key: "bytes", value: .int64(Int64(weight.storedByteCount))),
                .init(
                  key: "kl",
                  value: .object(
                    Metadata(costs.map { .init(key: $0.key.rawValue, value: .float64($0.value)) }))),
              ]))
          })
      ), ("frontier", .array(report.frontier.map(BudgetText.json))),
    ])
  }
}
