// SPDX-License-Identifier: Apache-2.0
// How a command ends when it does not end well.
import ArgumentParser
import IngotBytes
import IngotReport

/// A check ran and does not hold: exit 1, with nothing more to say.
struct CheckFailed: Error {}

/// Ends the program after an error.
enum CommandFailure {
  /// Prints what has to be said and exits with the contract's code.
  ///
  /// - Parameters:
  ///   - error: what was thrown: an ``IngotError``, a failed check, or a usage error of the argument parser.
  ///   - parser: the command whose usage is shown.
  static func end(with error: any Error, parser: IngotMain.Type) -> Never {
    switch error {
    case let error as IngotError:
      if isClosedOutput(error) { exit(0) }
      let terminal = Terminal.standardError
      Terminal.printError(
        ErrorRenderer.lines(error, style: terminal.style, isVerbose: isVerbose) { hasOption($0, parser) })
      exit(ErrorRenderer.exitCode(error))
    case is CheckFailed:
      exit(1)
    default:
      endUsage(error, parser: parser)
    }
  }

  /// Help and completions go to standard output with 0; a usage error to standard error with 64.
  private static func endUsage(_ error: any Error, parser: IngotMain.Type) -> Never {
    let message = parser.fullMessage(for: error)
    guard parser.exitCode(for: error) != .success else {
      Terminal.printOutput(message.hasSuffix("\n") || message.isEmpty ? message : message + "\n")
      exit(0)
    }
    if let word = unknownCommand(parser) {
      let hint = NearestText.match(word, among: commandNames(parser)).map { "; did you mean \($0)?" } ?? ""
      Terminal.printError(["ingot: there is no command \(ErrorRenderer.name(word))\(hint)"])
      exit(64)
    }
    // The parser's own first word is "Error:"; every message of this program starts with its name.
    let lines = usageLines(message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message)
    Terminal.printError(["ingot: " + (lines.first ?? "")] + (isVerbose ? lines.dropFirst() : []))
    exit(64)
  }

  /// Whether lines after an error's first are wanted: on a terminal, or with `-v`.
  private static var isVerbose: Bool {
    Terminal.standardError.isTerminal || CommandLine.arguments.contains { $0 == "-v" || $0 == "--verbose" }
  }

  /// The parser's message with its list of values, a line each, on the first line: that one alone says everything.
  private static func usageLines(_ message: String) -> [String] {
    var lines = message.split(separator: "\n").map(String.init)
    let values = lines.dropFirst().prefix { $0.hasPrefix("  - ") }
    guard let first = lines.first, !values.isEmpty else { return lines }
    lines.replaceSubrange(
      0...values.count, with: [first + " " + values.map { String($0.dropFirst(4)) }.joined(separator: ", ")])
    return lines
  }

  /// The first argument, when it is no option and no command.
  private static func unknownCommand(_ parser: IngotMain.Type) -> String? {
    guard let word = CommandLine.arguments.dropFirst().first, !word.hasPrefix("-"), word != "help",
      !commandNames(parser).contains(word)
    else { return nil }
    return word
  }

  private static func commandNames(_ parser: IngotMain.Type) -> [String] {
    commands(parser).map { $0.configuration.commandName ?? "" }
  }

  private static func commands(_ parser: IngotMain.Type) -> [any ParsableCommand.Type] {
    parser.configuration.groupedSubcommands.flatMap(\.subcommands)
  }

  /// Whether the command that was run has an option, as its help lists them.
  private static func hasOption(_ option: String, _ parser: IngotMain.Type) -> Bool {
    let word = CommandLine.arguments.dropFirst().first
    guard let command = commands(parser).first(where: { $0.configuration.commandName == word }) else {
      return true
    }
    return command.helpMessage(columns: 400).split(separator: "\n").contains { line in
      let words = line.split { " ,/".contains($0) }
      return words.first?.hasPrefix("-") == true && words.contains { $0 == option }
    }
  }

  /// Whether the reader of our output has gone: the quiet end of a pipe, no error.
  private static func isClosedOutput(_ error: IngotError) -> Bool {
    guard case .environment(let failure) = error else { return false }
    return failure.errorNumber == Process.ErrorNumber.brokenPipe && failure.path == "standard output"
  }

  private static func exit(_ code: Int32) -> Never {
    IngotMain.exit(withError: ExitCode(code))
  }
}
