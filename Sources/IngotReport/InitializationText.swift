// SPDX-License-Identifier: Apache-2.0
// What `ingot init` made, for people and programs.
import IngotKit

/// Initializations as text and JSON.
package enum InitializationText {
  /// What was made, how large, and what was not kept.
  package static func lines(_ report: InitializationReport, seconds: Double, style: TextStyle) -> [String] {
    [
      "\(style.text(ErrorRenderer.name(report.output), .strong))  \(report.format), seed \(report.seed)",
      "model  \(ModelText.numbers(report.config)) · \(Quantity.count(report.parameterCount)) parameters",
      "wrote \(Count(report.tensorCount, "tensor")), \(Quantity.bytes(report.byteCount)) in \(Quantity.fixed(seconds, decimals: 2)) s",
    ] + LossText.lines(report.losses, style: style)
  }

  /// `ingot init --json`.
  package static func json(_ report: InitializationReport) -> String {
    JSONText.document([
      ("output", .string(report.output)), ("format", .string(report.format)), ("seed", .uint64(report.seed)),
      ("parameters", .int64(Int64(report.parameterCount))), ("bytes", .int64(Int64(report.byteCount))),
      ("tensors", .int64(Int64(report.tensorCount))), ("losses", LossText.json(report.losses)),
    ])
  }
}
