// SPDX-License-Identifier: Apache-2.0
// A verification for people and programs.
import IngotKit

/// Verifications as text and JSON.
package enum VerificationText {
  /// A table of outputs and a verdict.
  package static func lines(_ report: VerificationReport, style: TextStyle) -> [String] {
    var table = TableLayout(
      [
        ("output", .left), ("largest", .right), ("relative", .right), ("rms", .right), ("cosine", .right),
        ("top-1", .right), ("", .left),
      ], dispensable: [4, 3, 5, 1])
    for output in report.outputs {
      let cells = [
        ErrorRenderer.name(output.name), Quantity.scientific(output.maxAbs),
        Quantity.scientific(output.maxRel),
        Quantity.scientific(output.rmsRel), Quantity.fixed(output.cosine, decimals: 7),
        output.top1Agreement.map(Quantity.percent) ?? "–", output.passed ? "ok" : "beyond",
      ]
      table.add(cells, marks: output.passed ? [:] : [6: .error])
    }
    return [heading(report, style)] + table.lines(style) + [verdict(report, style)]
      + report.findings.map { FindingText.line($0, style: style) }
  }

  private static func heading(_ report: VerificationReport, _ style: TextStyle) -> String {
    let seed = report.seed.map { ", made up from seed \($0)" } ?? ""
    let names =
      "\(style.text(ErrorRenderer.name(report.model), .strong)) against \(style.text(ErrorRenderer.name(report.expectation), .strong))"
    return
      "\(names), \(report.precision.rawValue), \(report.tokens.batch) × \(Count(report.tokens.count, "token"))\(seed)"
  }

  private static func verdict(_ report: VerificationReport, _ style: TextStyle) -> String {
    guard let name = report.firstFailure, let first = report.outputs.first(where: { $0.name == name }) else {
      let outputs = report.outputs.count == 1 ? "the one output is" : "all \(report.outputs.count) outputs"
      return "\(outputs) within \(bounds(report))"
    }
    let relative = "relative \(Quantity.scientific(first.maxRel))"
    return style.text("first beyond \(Quantity.scientific(first.tolerance)):", .error)
      + " \(ErrorRenderer.name(name)) (\(relative))"
  }

  /// The bounds that outputs were held to: those that are stored in F32 can have another than those in F64.
  private static func bounds(_ report: VerificationReport) -> String {
    let bounds = Set(report.outputs.map(\.tolerance)).sorted().map(Quantity.scientific)
    return bounds.count == 1 ? bounds.joined() : "their bounds, \(bounds.joined(separator: " and "))"
  }

  /// `ingot verify --json`.
  package static func json(_ report: VerificationReport) -> String {
    let outputs = report.outputs.map { output in
      MetadataValue.object(
        Metadata([
          .init(key: "name", value: .string(output.name)),
          .init(key: "max_abs", value: .float64(output.maxAbs)),
          .init(key: "max_rel", value: .float64(output.maxRel)),
          .init(key: "rms_rel", value: .float64(output.rmsRel)),
          .init(key: "cosine", value: .float64(output.cosine)),
          .init(key: "top1_agreement", value: output.top1Agreement.map { .float64($0) } ?? .null),
          .init(key: "tolerance", value: .float64(output.tolerance)),
          .init(key: "passed", value: .bool(output.passed)),
        ]))
    }
    return JSONText.document([
      ("passed", .bool(report.passed)), ("precision", .string(report.precision.rawValue)),
      ("model", .string(report.model)), ("against", .string(report.expectation)),
      ("outputs", .array(outputs)),
      ("first_failure", report.firstFailure.map { .string($0) } ?? .null),
      ("seed", report.seed.map { .uint64($0) } ?? .null), ("findings", FindingText.json(report.findings)),
    ])
  }
}

/// Recordings as text and JSON.
package enum RecordText {
  /// What was recorded.
  package static func lines(_ report: RecordReport, style: TextStyle) -> [String] {
    var table = TableLayout([("array", .left), ("shape", .left)])
    for array in report.arrays {
      table.add([array.name, array.shape.dimensions.map(String.init).joined(separator: " × ")])
    }
    return [
      "\(style.text(ErrorRenderer.name(report.model), .strong))  →  \(style.text(ErrorRenderer.name(report.output), .strong))  \(report.precision.rawValue), \(Quantity.bytes(report.byteCount))"
    ] + table.lines(style) + LossText.lines(report.losses, style: style)
  }

  /// `ingot record --json`.
  package static func json(_ report: RecordReport) -> String {
    let arrays = report.arrays.map { array in
      MetadataValue.object(
        Metadata([
          .init(key: "name", value: .string(array.name)),
          .init(key: "shape", value: JSONText.shape(array.shape)),
        ]))
    }
    return JSONText.document([
      ("model", .string(report.model)), ("output", .string(report.output)),
      ("precision", .string(report.precision.rawValue)), ("bytes", .int64(Int64(report.byteCount))),
      ("arrays", .array(arrays)), ("losses", LossText.json(report.losses)),
    ])
  }
}
