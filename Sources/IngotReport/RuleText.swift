// SPDX-License-Identifier: Apache-2.0
// What a rule that an error names says, for people and programs.
import IngotKit

/// A rule of a format, as its page states it.
package struct RuleText {
  /// The id: `ST-02`.
  package let id: String
  /// `MUST`, or `MAY` for what is let pass.
  package let strength: String
  /// What it is a rule of.
  package let subject: String
  /// What holds.
  package let what: String
  /// Why.
  package let reason: String

  private init?(_ line: Substring) {
    let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 5 else { return nil }
    (id, strength, subject, what, reason) = (parts[0], parts[1], parts[2], parts[3], parts[4])
  }

  /// Every rule, by id.
  package static let all = RuleTexts.lines.split(separator: "\n").compactMap(RuleText.init)

  /// The rules that a word names: one by its id, or all of a format by the letters that its ids begin with.
  ///
  /// - Parameter word: `ST-02`, or `ST`, in any case.
  /// - Returns: the rules; none for a word that names none.
  package static func named(_ word: String) -> [RuleText] {
    let word = word.uppercased()
    return all.filter { $0.id == word || $0.id.hasPrefix(word + "-") }
  }

  /// Ids without those between that there are not: `ST-01 to ST-17, ST-20 to ST-24`.
  ///
  /// - Parameter rules: rules of one format, in order.
  /// - Returns: the first and the last of each run of numbers.
  package static func runs(of rules: [RuleText]) -> String {
    func number(_ id: String) -> Int? { Int(id.drop { $0 != "-" }.dropFirst()) }
    var runs: [(first: String, last: String)] = []
    for id in rules.map(\.id) {
      if let last = runs.last, let before = number(last.last), number(id) == before + 1 {
        runs[runs.count - 1].last = id
      } else {
        runs.append((id, id))
      }
    }
    return runs.map { $0.first == $0.last ? $0.first : "\($0.first) to \($0.last)" }.joined(separator: ", ")
  }

  /// The letters that ids begin with, in order.
  package static var prefixes: [String] {
    all.map { String($0.id.prefix { $0 != "-" }) }.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
  }

  /// The lines of some rules.
  package static func lines(_ rules: [RuleText], style: TextStyle) -> [String] {
    rules.flatMap { rule in
      [
        "\(style.text(rule.id, .strong))  \(rule.subject)\(rule.strength == "MUST" ? "" : ", \(rule.strength)")",
        "  \(rule.what)", "  \(style.text("why", .dim))  \(rule.reason)",
      ]
    }
  }

  /// `ingot explain --json`.
  package static func json(_ rules: [RuleText]) -> String {
    let rules = rules.map { rule in
      MetadataValue.object(
        Metadata([
          .init(key: "rule", value: .string(rule.id)), .init(key: "strength", value: .string(rule.strength)),
          .init(key: "subject", value: .string(rule.subject)), .init(key: "what", value: .string(rule.what)),
          .init(key: "why", value: .string(rule.reason)),
        ]))
    }
    return JSONText.document([("rules", .array(rules))])
  }
}
