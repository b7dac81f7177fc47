// SPDX-License-Identifier: Apache-2.0
// The only place where an error becomes text: one line that alone says file, place, rule, found and expected, then
// lines for those who want more.
import IngotKit

/// Errors as text, and as exit codes.
public enum ErrorRenderer {
  /// The lines of an error.
  ///
  /// - Parameters:
  ///   - error: the error.
  ///   - style: whether to colour.
  ///   - isVerbose: whether to add the lines after the first: on a terminal, or with `-v`.
  ///   - hasOption: whether the command that failed has an option: a hint that names another is `convert`'s.
  /// - Returns: the lines, the first of which is enough.
  public static func lines(
    _ error: IngotError, style: TextStyle = TextStyle(), isVerbose: Bool,
    hasOption: @escaping (String) -> Bool = { _ in true }
  ) -> [String] {
    let parts = Parts(error, hasOption: hasOption)
    var lines = [style.text("ingot: ", .error) + parts.line]
    guard isVerbose else { return lines }
    lines += parts.details.map { "  " + style.text($0.label, .dim) + " " + $0.text }
    return lines
  }

  /// What an error says, without the program's name before it.
  static func sentence(_ error: IngotError) -> String { Parts(error, hasOption: { _ in true }).line }

  /// An error on one line, without colour.
  public static func line(_ error: IngotError) -> String { lines(error, isVerbose: false).joined() }

  /// The exit code of an error.
  public static func exitCode(_ error: IngotError) -> Int32 {
    switch error {
    case .malformed, .unsupported, .limitExceeded, .unrepresentable, .unsuitable: 65
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
  public static func text(_ evidence: Evidence) -> String {
    evidence.pieces.map { piece in
      switch piece {
      case .words(let words): words
      case .value(let value): quoted(value)
      case .count(let count): count.description
      }
    }.joined()
  }

  /// A value in quotes, made safe.
  private static func quoted(_ value: String) -> String {
    "\"\(TextStyle.printable(value, limit: 120))\""
  }

  /// A path or a name without quotes, made safe.
  public static func name(_ value: String) -> String { TextStyle.printable(value, limit: 300) }

  /// Where to learn more of a rule.
  private static func help(for rule: Rule, at location: Location) -> String {
    guard rule != PyTorchRule.allowList.rule else {
      return "nothing was run; `ingot inspect --security \(name(location.file))` lists every call"
    }
    return "the rule \(rule.id) stands on a page under formats/; `ingot formats` names it"
  }

  /// An error taken apart.
  private struct Parts {
    var line: String
    var details: [(label: String, text: String)] = []
    private let hasOption: (String) -> Bool

    init(_ error: IngotError, hasOption: @escaping (String) -> Bool) {
      self.hasOption = hasOption
      switch error {
      case .malformed(let rule, let location, let found, let expected):
        line = "\(place(location)): \(text(found)), expected \(text(expected)) (\(rule.id))"
        details = detail(location)
        details.append(("found   ", text(found)))
        details.append(("expected", text(expected)))
        details.append(("help    ", help(for: rule, at: location)))
      case .unsupported(let feature, let location):
        line = "\(place(location)): \(text(feature))"
      case .limitExceeded(let limit, let location, let asked):
        line = "\(place(location)): \(limit.rawValue) is \(asked), over the limit of \(limit.value)"
        details = [("help    ", "the limit protects memory and time; SECURITY.md gives its reason")]
      case .unrepresentable(let tensor, let target, let why, let hint):
        line = (tensor.map { name($0) + ": " } ?? "") + "can't be written as \(name(target)): \(text(why))"
        add(hint)
      case .unsuitable(let location, let why, let hint):
        line = "\(place(location)): \(text(why))"
        add(hint)
      case .invalidRequest(let option, let why):
        line = "\(name(option)): \(text(why))"
      case .missing(let path, let why, let hint):
        line = "\(name(path)): \(text(why))"
        add(hint)
      case .outputRefused(let path, let why, let hint):
        line = "\(name(path)): \(text(why))"
        add(hint)
      case .environment(let failure):
        line =
          "\(name(failure.path)): \(Process.message(forErrorNumber: failure.errorNumber)) (\(failure.call))"
      case .sourceChanged(let path, let found, let expected):
        line = "\(name(path)): \(text(found)), expected \(text(expected))"
      case .interrupted:
        line = "interrupted"
      case .internal(let state):
        line = "internal error: \(text(state)); please report this"
      }
    }

    private mutating func add(_ hint: Evidence?) {
      guard let hint else { return }
      let words = text(hint)
      let isForeign = options(in: words).contains { !hasOption($0) }
      line += "; " + (isForeign ? "`ingot convert` first: " : "") + words
    }
  }

  /// The options that a text names, but for those of a command that it quotes.
  private static func options(in text: String) -> [String] {
    let own = text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter {
      $0.offset.isMultiple(of: 2)
    }
    return own.flatMap { part in
      part.element.split { !($0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "-") }
        .filter { $0.hasPrefix("--") && $0.count > 2 }.map(String.init)
    }
  }

  /// A location on one line: file, member, byte, tensor, key.
  private static func place(_ location: Location) -> String {
    var pieces = [name(location.file)]
    if let member = location.member { pieces.append(name(member)) }
    var within: [String] = []
    if let offset = location.offset { within.append("byte \(offset)") }
    if let tensor = location.tensor { within.append(quoted(tensor)) }
    if let key = location.key { within.append("key " + quoted(key)) }
    if !within.isEmpty { pieces.append(within.joined(separator: ", ")) }
    return pieces.joined(separator: ": ")
  }

  private static func detail(_ location: Location) -> [(label: String, text: String)] {
    [("where   ", place(location))]
  }
}
