// SPDX-License-Identifier: Apache-2.0
// Options that take one value and are given twice: the parser would take the last, in silence.
import ArgumentParser
import IngotEncodings
import IngotReport

/// An option that takes one value and is given twice.
enum RepeatedOption {
  /// Throws for one among the words of a command.
  ///
  /// - Parameters:
  ///   - words: what the program was called with.
  ///   - command: the command that they were understood as.
  /// - Throws: a usage error that names the option.
  static func refuse(in words: [String], of command: any ParsableCommand) throws {
    var seen = Set<Substring>()
    let options = words.prefix { $0 != "--" }.filter { $0.hasPrefix("-") }.map { word in
      // The only option of one value that has two spellings.
      word == "--output" || word.hasPrefix("--output=") ? "-o" : word.prefix { $0 != "=" }
    }
    // How a result looks may be said again: the first may be an alias's.
    let repeated = options.filter { $0 != "--color" && !seen.insert($0).inserted }
    guard !repeated.isEmpty else { return }
    let single = singleValued(of: type(of: command))
    guard let option = repeated.first(where: { single.contains(String($0)) }) else { return }
    let hint = command is DiffCommand && option == "--from" ? "; the second's is --second-from" : ""
    throw ValidationError("\(option) takes one value, and is given twice\(hint).")
  }

  /// The spellings of a command's options that take one value, as the parser tells of them.
  private static func singleValued(of command: any ParsableCommand.Type) -> Set<String> {
    let document = try? JSONDocument.object(Array(command._dumpHelp().utf8))
    guard case .object(let described)? = document?["command"] else { return [] }
    var spellings = Set<String>()
    for case .object(let argument) in described["arguments"]?.elements ?? []
    where argument["kind"] == .string("option") && argument["isRepeating"] == .bool(false) {
      for case .object(let name) in argument["names"]?.elements ?? [] {
        guard case .string(let text)? = name["name"] else { continue }
        spellings.insert((name["kind"] == .string("long") ? "--" : "-") + text)
      }
    }
    return spellings
  }
}
