// SPDX-License-Identifier: Apache-2.0
// A conversion for people: from what to what, how much, and what was lost on the way.
import IngotKit

/// Conversions as text.
package enum ConversionText {
  /// The lines of a conversion that ran.
  ///
  /// - Parameters:
  ///   - report: what was done.
  ///   - seconds: how long it took.
  ///   - style: where the text goes.
  /// - Returns: the lines.
  package static func lines(_ report: ConversionReport, seconds: Double, style: TextStyle) -> [String] {
    var lines = [
      heading(report, style),
      "wrote \(ErrorRenderer.name(report.output)), \(Quantity.bytes(report.byteCount)) in \(Quantity.fixed(seconds, decimals: 2)) s · \(tensors(report))\(report.wasChecked ? ", read back and equal" : "")",
    ]
    lines += leftovers(report)
    if report.fileNames.count > 1 {
      lines.append(FileNamesText.line(report.fileNames))
    }
    lines += renames(report)
    return lines + LossText.lines(report.losses, style: style) + findings(report, style)
  }

  /// Rules of renaming that are shown.
  private static let renameLimit = 4

  /// Of several rules, how many tensors each has named.
  private static func renames(_ report: ConversionReport) -> [String] {
    guard report.renames.count > 1 else { return [] }
    let shown = report.renames.prefix(renameLimit).map {
      "renamed   \(ErrorRenderer.name($0.rule)): \(Count($0.tensorCount, "tensor"))"
    }
    let hidden = report.renames.count - shown.count
    return hidden > 0 ? shown + ["… \(Count(hidden, "more rule")) in --json"] : shown
  }

  /// What was resumed, and what was removed to start over.
  private static func leftovers(_ report: ConversionReport) -> [String] {
    if report.resumedPartCount > 0 {
      return ["went on behind \(Count(report.resumedPartCount, "part")) that an earlier run had written"]
    }
    var lines = report.wasToResume ? ["there was nothing to resume: all is written anew"] : []
    if report.leftovers.byteCount > 0 {
      let hint =
        report.leftovers.couldBeResumed && !report.wasToResume ? "; --resume goes on with what is left" : ""
      lines.append("removed \(Quantity.bytes(report.leftovers.byteCount)) that a killed run had left\(hint)")
    }
    return lines
  }

  /// The lines of a conversion that was only planned.
  package static func plan(_ report: ConversionReport, style: TextStyle) -> [String] {
    var lines = [
      heading(report, style),
      "would write \(report.mayWriteLess ? "at most " : "")\(Quantity.bytes(report.byteCount)), \(tensors(report)), with at most \(Quantity.bytes(report.memoryBound)) of memory beyond the program's own",
    ]
    if !report.fileNames.isEmpty {
      lines.append(FileNamesText.line(report.fileNames))
    }
    lines += renames(report)
    return lines + LossText.lines(report.losses, style: style) + findings(report, style)
  }

  private static func tensors(_ report: ConversionReport) -> String {
    let renamed = report.renames.reduce(0) { $0 + $1.tensorCount }
    let count = "\(Count(report.tensorCount, "tensor"))" + (renamed > 0 ? ", \(renamed) renamed" : "")
    guard let dialects = report.dialects else { return count }
    let turned = report.transposedCount > 0 ? ", \(report.transposedCount) transposed" : ""
    let names = dialects.from == dialects.to ? "" : ", names \(dialects.from) → \(dialects.to)"
    return count + names + turned
  }

  private static func heading(_ report: ConversionReport, _ style: TextStyle) -> String {
    "\(style.text(ErrorRenderer.name(report.input), .strong))  \(report.inputFormat)  →  \(style.text(ErrorRenderer.name(report.output), .strong))  \(report.outputFormat)"
  }

  private static func findings(_ report: ConversionReport, _ style: TextStyle) -> [String] {
    report.findings.map { FindingText.line($0, style: style) }
  }
}
