// SPDX-License-Identifier: Apache-2.0
// An error as the program shows it: one line that alone says file, place, rule, found and expected, then lines for those
// who want more. The line's sentence is ErrorText's.
import IngotFormats
import IngotKit

/// Errors as text, and as exit codes.
package enum ErrorRenderer {
  /// The lines of an error.
  ///
  /// - Parameters:
  ///   - error: the error.
  ///   - style: whether to colour.
  ///   - isVerbose: whether to add the lines after the first: on a terminal, or with `-v`.
  ///   - hasOption: whether the command that failed has an option: a hint that names another is `convert`'s.
  /// - Returns: the lines, the first of which is enough.
  package static func lines(
    _ error: IngotError, style: TextStyle = TextStyle(), isVerbose: Bool,
    hasOption: @escaping (String) -> Bool = { _ in true }
  ) -> [String] {
    let names = CommandNames(hasOption: hasOption)
    var lines = [style.text("ingot: ", .error) + ErrorText(names).sentence(error)]
    guard isVerbose else { return lines }
    var details = details(error)
    if let help = help(for: error) { details.append(("help    ", help)) }
    lines += details.map { "  " + style.text($0.label, .dim) + " " + $0.text }
    return lines
  }

  /// What an error says, without the program's name before it.
  static func sentence(_ error: IngotError) -> String { ErrorText(CommandNames()).sentence(error) }

  /// An error on one line, without colour.
  package static func line(_ error: IngotError) -> String { lines(error, isVerbose: false).joined() }

  /// The exit code of an error.
  package static func exitCode(_ error: IngotError) -> Int32 {
    switch error {
    case .malformed, .unsupported, .limitExceeded, .unrepresentable, .unsuitable: 65
    case .unmet: 1
    case .invalidRequest: 64
    case .missing: 66
    case .outputRefused: 73
    case .sourceChanged: 74
    case .environment(let failure):
      switch failure.purpose {
      case .openInput: 66
      case .createOutput: 73
      case .transfer: 74
      }
    case .interrupted: 130
    case .internal: 70
    }
  }

  /// Evidence as text, with a stranger's text made safe.
  package static func text(_ evidence: Evidence) -> String { ErrorText(CommandNames()).text(evidence) }

  /// A path or a name without quotes, made safe.
  package static func name(_ value: String) -> String { ErrorText.name(value) }

  /// What helps, or where to learn more; `nil` where the error's own line has said it.
  static func help(for error: IngotError) -> String? {
    switch error {
    case .malformed(PyTorchRule.allowList.rule, let location, _, _):
      "nothing was run; `ingot inspect --security \(name(location.file))` lists every call"
    case .malformed(let rule, _, _, _): "`ingot explain \(rule.id)` prints the rule, and why there is one"
    case .unsupported:
      "the file may be sound, and this in it is not read; where it was made, save it anew without that"
    case .limitExceeded: "the limit protects memory and time from a stranger's file, and no option raises it"
    case .invalidRequest(let option, _): "`ingot COMMAND --help` says what \(option.spelling) takes"
    case .sourceChanged: "another program may have written to it; run the command again"
    case .internal: "please report this, with the command and, if it may be shown, the file"
    case .unrepresentable, .unsuitable, .unmet, .missing, .outputRefused, .environment, .interrupted: nil
    }
  }

  /// What the lines after the first say, but for what helps.
  private static func details(_ error: IngotError) -> [(label: String, text: String)] {
    switch error {
    case .malformed(_, let location, let found, let expected):
      [
        ("where   ", ErrorText.place(location)), ("found   ", text(found)), ("expected", text(expected)),
      ]
    default: []
    }
  }
}
