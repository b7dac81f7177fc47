// SPDX-License-Identifier: Apache-2.0
// What the command line asks of every message, looked up in its words: an error may come before they are understood.
import ArgumentParser
import IngotBytes

/// The words that the program was called with.
enum CommandLineWords {
  /// Those before `--`, behind which all are arguments.
  private static let words = Array(CommandLine.arguments.dropFirst().prefix { $0 != "--" })

  /// Whether one of some spellings of a flag is among them.
  static func has(_ spellings: String...) -> Bool { words.contains(where: spellings.contains) }

  /// Whether results and errors are objects for programs.
  static var wantsJSON: Bool { has("--json") }

  /// Whether an error's further lines are asked for.
  static var isVerbose: Bool { has("-v", "--verbose") }

  /// Whether colours are asked for.
  static var color: ColorChoice {
    let assigned = words.last { $0.hasPrefix("--color=") }?.dropFirst(8)
    let next = words.lastIndex(of: "--color").map { words.index(after: $0) }
    let following = next.flatMap { words.indices.contains($0) ? words[$0][...] : nil }
    return (assigned ?? following).flatMap { ColorChoice(rawValue: String($0)) } ?? .auto
  }

  /// A word of letters behind one dash that is no flag and asks for help by its `h` only; `nil` where help was asked for.
  static var mistakenForHelp: String? {
    guard !has("-h", "--help", "-help") else { return nil }
    return words.first { word in
      word.hasPrefix("-") && !word.hasPrefix("--") && word.contains("h") && word.count > 2
        && !word.dropFirst().allSatisfy { "hqv".contains($0) }
    }
  }

  /// The words behind `help`, when that is the command.
  static var helpWanted: [String]? {
    words.first == "help" ? words.dropFirst().filter { !$0.hasPrefix("-") } : nil
  }
}

/// Whether text is coloured.
enum ColorChoice: String, CaseIterable, ExpressibleByArgument {
  case auto, always, never
}
