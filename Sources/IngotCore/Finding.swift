// SPDX-License-Identifier: Apache-2.0
// A remark on the input that does not stop the work.

/// A remark on the input: what validating collects, and what reading notices on its way.
public struct Finding: Hashable, Sendable {
  /// How much it matters: a finding of severity `error` makes `validate` exit with 1.
  public enum Severity: String, Hashable, Sendable {
    case error, note
  }

  /// How much it matters.
  public var severity: Severity
  /// The parameter, tensor or config key it is about.
  public var subject: String
  /// The graph's node that needs it, when there is one.
  public var node: String?
  /// What is so.
  public var detail: Evidence

  /// Makes a finding.
  public init(severity: Severity, subject: String, node: String? = nil, detail: Evidence) {
    self.severity = severity
    self.subject = subject
    self.node = node
    self.detail = detail
  }
}
