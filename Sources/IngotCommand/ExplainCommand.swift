// SPDX-License-Identifier: Apache-2.0
// `ingot explain`.
import ArgumentParser
import IngotReport

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Print the rules that errors name.",
    discussion: """
      An error on a file that is not what it should be ends with the rule that is broken, such as ST-16. Letters alone stand \
      for all rules of a format: \(RuleText.prefixes.joined(separator: ", ")).

      EXAMPLES
        ingot explain ST-16
        ingot explain PT-11 ZIP-01
        ingot explain GG
      """)

  @Argument(
    help: ArgumentHelp("Rules, or the letters of a format's.", valueName: "rule"),
    completion: .list(RuleText.all.map(\.id)))
  var rules: [String]

  @OptionGroup var global: GlobalOptions

  func validate() throws {
    guard let word = rules.first(where: { RuleText.named($0).isEmpty }) else { return }
    let near = RuleText.named(String(word.prefix { $0 != "-" }))
    let known =
      near.isEmpty
      ? "; rules begin with \(RuleText.prefixes.joined(separator: ", "))"
      : "; there are \(RuleText.runs(of: near))"
    throw ValidationError("There is no rule \(ErrorRenderer.name(word))\(known).")
  }

  func run() throws {
    let found = rules.flatMap(RuleText.named)
    global.print(json: { RuleText.json(found) }) { RuleText.lines(found, style: $0) }
  }
}
