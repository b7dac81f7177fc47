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
