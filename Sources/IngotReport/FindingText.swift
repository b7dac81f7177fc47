// SPDX-License-Identifier: Apache-2.0
// Findings as text and JSON.
import IngotKit

/// Findings as text and JSON.
package enum FindingText {
  /// One line: severity, subject, what is so.
  package static func line(_ finding: Finding, subjectWidth: Int = 0, style: TextStyle) -> String {
    let severity = style.text(
      finding.severity == .error ? "error" : "note ", finding.severity == .error ? .error : .note)
    let subject = ErrorRenderer.name(finding.subject)
    let space = String(repeating: " ", count: max(0, subjectWidth - subject.count))
    return "\(severity)  \(subject)\(space)  \(ErrorRenderer.text(finding.detail))"
  }

  /// A note for each thing that a side holds and that is not taken in: `note  a.npz: n is not compared: holds text, …`.
  ///
  /// - Parameters:
  ///   - findings: the findings of kind `leftOut`.
  ///   - label: what the side is called.
  ///   - words: what is so of each.
  ///   - isUnfolded: whether all are told, however many there are.
  ///   - style: where the text goes.
  /// - Returns: the lines.
  package static func leftOut(
    _ findings: [Finding], of label: String, _ words: String, isUnfolded: Bool, style: TextStyle
  ) -> [String] {
    let severity = style.text("note", .note)
    let shown = findings.prefix(isUnfolded ? findings.count : 8).map {
      "\(severity)  \(label): \(ErrorRenderer.name($0.subject)) \(words): \(ErrorRenderer.text($0.detail))"
    }
    guard shown.count < findings.count else { return shown }
    return shown + [style.text("… \(findings.count - shown.count) more in \(label)", .dim)]
  }

  /// Findings as JSON.
  package static func json(_ findings: [Finding]) -> MetadataValue {
    .array(
      findings.map { finding in
        var object = Metadata()
        object["kind"] = .string(finding.kind.rawValue)
        object["severity"] = .string(finding.severity.rawValue)
        object["subject"] = .string(finding.subject)
        if let node = finding.node { object["node"] = .string(node) }
        object["detail"] = .string(ErrorRenderer.text(finding.detail))
        return .object(object)
      })
  }
}
