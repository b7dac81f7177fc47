// SPDX-License-Identifier: Apache-2.0
// How a command ends when it does not end well.
import ArgumentParser
import IngotBytes
import IngotReport

/// A check ran and does not hold: exit 1, with nothing more to say.
struct CheckFailed: Error {}

/// What was wrong has been said: the program ends with this code.
struct SaidFailure: Error {
  let exitCode: Int32
}

/// Ends the program after an error.
enum CommandFailure {
  /// Does the same with each of several paths, also behind one that fails; what is wrong with one is said at once.
  ///
  /// - Parameters:
  ///   - paths: what is worked on; the failure of an only one is thrown as it is.
  ///   - work: what is done with a path.
  /// - Returns: what was made of those that did not fail, and how to end once that is printed: as the first that failed.
  /// - Throws: an interrupt, and what is no ``IngotError``.
  static func forEach<Outcome>(
    of paths: [String], _ work: (String) throws -> Outcome
  ) throws -> (outcomes: [Outcome], failure: SaidFailure?) {
    var outcomes: [Outcome] = []
    var failure: SaidFailure?
    for path in paths {
      do {
        outcomes.append(try work(path))
      } catch let error as IngotError where error != .interrupted && paths.count > 1 {
        say(error, parser: IngotMain.self)
        failure = failure ?? SaidFailure(exitCode: ErrorRenderer.exitCode(error))
      }
    }
    return (outcomes, failure)
  }

  /// Prints what has to be said and exits with the contract's code.
  ///
  /// - Parameters:
  ///   - error: what was thrown: an ``IngotError``, a failed check, or a usage error of the argument parser.
  ///   - parser: the command whose usage is shown.
  static func end(with error: any Error, parser: IngotMain.Type) -> Never {
    switch error {
    case let error as IngotError:
      if isClosedOutput(error) { exit(0) }
      say(error, parser: parser)
      exit(ErrorRenderer.exitCode(error))
    case is CheckFailed:
      exit(1)
    case let failure as SaidFailure:
      exit(failure.exitCode)
    default:
      endUsage(error, parser: parser)
    }
  }

  private static func say(_ error: IngotError, parser: IngotMain.Type) {
    if CommandLineWords.wantsJSON {
      Terminal.printError(ErrorRenderer.json(error) { hasOption($0, parser) })
    } else {
      let style = Terminal.standardError.style
      Terminal.printError(
        ErrorRenderer.lines(error, style: style, isVerbose: isVerbose) { hasOption($0, parser) })
    }
  }

  /// Help and completions go to standard output with 0; a usage error to standard error with 64.
  private static func endUsage(_ error: any Error, parser: IngotMain.Type) -> Never {
    guard parser.exitCode(for: error) != .success else {
      refuseWhatIsNoHelp(parser)
      let message = CompletionScript.mended(
        parser.fullMessage(for: error), commands: commandNames(parser))
      Terminal.printOutput(message.hasSuffix("\n") || message.isEmpty ? message : message + "\n")
      exit(0)
    }
    let message = parser.fullMessage(for: error)
    if let word = unknownCommand(parser) { endUsage([noCommand(word, parser)]) }
    // The parser's own first word is "Error:"; every message of this program starts with its name.
    endUsage(
      usageLines(namingNegative(message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message)))
  }

  /// Ends with 64, and with lines of which the first is enough.
  private static func endUsage(_ lines: [String]) -> Never {
    let first = lines.first ?? ""
    if CommandLineWords.wantsJSON {
      Terminal.printError(ErrorRenderer.json(usage: first))
    } else {
      Terminal.printError(["ingot: " + first] + (isVerbose ? lines.dropFirst() : []))
    }
    exit(64)
  }

  /// Ends with 64 where the parser takes for a wish for help what is none: `help` with a word that is no command, and a
  /// word behind one dash in which there is an h.
  private static func refuseWhatIsNoHelp(_ parser: IngotMain.Type) {
    let known = commandNames(parser) + ["help"]
    if let word = CommandLineWords.helpWanted?.first(where: { !known.contains($0) }) {
      endUsage([noCommand(word, parser)])
    }
    guard let word = CommandLineWords.mistakenForHelp else { return }
    let name = ErrorRenderer.name(word)
    endUsage(["Unknown option '\(name)'; a path that begins with a dash is given as ./\(name)"])
  }

  private static func noCommand(_ word: String, _ parser: IngotMain.Type) -> String {
    let hint = NearestText.match(word, among: commandNames(parser)).map { "; did you mean \($0)?" } ?? ""
    return "there is no command \(ErrorRenderer.name(word))\(hint)"
  }

  /// Whether lines after an error's first are wanted: on a terminal, or with `-v`.
  private static var isVerbose: Bool {
    Terminal.standardError.isTerminal || CommandLineWords.isVerbose
  }

  /// The parser's message with the negative number that it took for an option, and found no value before: no option has one
  /// below 0.
  private static func namingNegative(_ message: String) -> String {
    let start = "Missing value for '"
    guard message.hasPrefix(start),
      let option = message.dropFirst(start.count).split(whereSeparator: { " '".contains($0) }).first
    else { return message }
    let arguments = CommandLine.arguments
    for (index, argument) in arguments.enumerated().dropLast() where argument == option {
      let value = arguments[index + 1]
      guard value.hasPrefix("-"), let first = value.dropFirst().first, first.isNumber || first == "." else {
        continue
      }
      return message.replacing(start, with: "The value '\(value)' is invalid for '", maxReplacements: 1)
    }
    return message
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
