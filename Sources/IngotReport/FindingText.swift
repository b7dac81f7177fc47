// SPDX-License-Identifier: Apache-2.0
// Findings and losses as text and JSON.
import IngotKit

/// Findings as text and JSON.
public enum FindingText {
  /// One line: severity, subject, what is so.
  public static func line(_ finding: Finding, subjectWidth: Int = 0, style: TextStyle) -> String {
    let severity = style.text(
      finding.severity == .error ? "error" : "note ", finding.severity == .error ? .error : .note)
    let subject = ErrorRenderer.name(finding.subject)
    let space = String(repeating: " ", count: max(0, subjectWidth - subject.count))
    return "\(severity)  \(subject)\(space)  \(ErrorRenderer.text(finding.detail))"
  }

  /// Findings as JSON.
  public static func json(_ findings: [Finding]) -> MetadataValue {
    .array(
      findings.map { finding in
        var object = Metadata()
        object["severity"] = .string(finding.severity.rawValue)
        object["subject"] = .string(finding.subject)
        if let node = finding.node { object["node"] = .string(node) }
        object["detail"] = .string(ErrorRenderer.text(finding.detail))
        return .object(object)
      })
  }
}

/// Losses as text and JSON.
public enum LossText {
  /// Losses by kind, each kind on a line or two; many tensors of one kind are counted, not listed.
  public static func lines(_ losses: [Loss], style: TextStyle) -> [String] {
    var order: [Loss.Kind] = []
    var byKind: [Loss.Kind: [Loss]] = [:]
    for loss in losses {
      if byKind[loss.kind] == nil { order.append(loss.kind) }
      byKind[loss.kind, default: []].append(loss)
    }
    return order.flatMap { kind -> [String] in
      let list = byKind[kind] ?? []
      let shown = list.prefix(4).map { loss in
        let subject = loss.tensor.map { ErrorRenderer.name($0) + ": " } ?? ""
        return "\(style.text(label(kind), .note))  \(subject)\(ErrorRenderer.text(loss.detail))"
      }
      guard list.count > shown.count else { return shown }
      return shown + [style.text("… \(list.count - shown.count) more of this kind in --json", .dim)]
    }
  }

  /// Losses as JSON.
  public static func json(_ losses: [Loss]) -> MetadataValue {
    .array(
      losses.map { loss in
        var object = Metadata()
        object["kind"] = .string(loss.kind.rawValue)
        object["tensor"] = loss.tensor.map { .string($0) } ?? .null
        object["detail"] = .string(ErrorRenderer.text(loss.detail))
        return .object(object)
      })
  }

  private static func label(_ kind: Loss.Kind) -> String {
    switch kind {
    case .cast: "rounded "
    case .overflow: "overflow"
    case .dropped: "left out"
    case .metadata, .companion: "not kept"
    case .alias: "untied  "
    case .quantized: "int8    "
    case .bits: "as bits "
    case .padding: "zeros   "
    }
  }
}
