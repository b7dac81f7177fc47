// SPDX-License-Identifier: Apache-2.0
// The only place where errors and evidence become sentences: for a program's reader and for a library's, who know options
// and verbs by different names.
import IngotBytes
import IngotCore

/// What options and verbs are called where a sentence is read.
package protocol RequestNames {
  /// An option, with what is chosen.
  func name(of option: RequestOption, _ value: String?) -> String
  /// A verb, with a choice for it.
  func name(of verb: Verb, _ option: RequestOption?, _ value: String?) -> String
  /// What stands before a hint that names options.
  func introduction(to options: [RequestOption]) -> String
}

/// Errors, evidence and places as text, with a stranger's text made safe.
package struct ErrorText {
  private let names: any RequestNames

  /// Makes sentences for readers who know options and verbs by these names.
  package init(_ names: any RequestNames) {
    self.names = names
  }

  /// What an error says, on one line.
  package func sentence(_ error: IngotError) -> String {
    switch error {
    case .malformed(let rule, let location, let found, let expected):
      "\(Self.place(location)): \(text(found)), expected \(text(expected)) (\(rule.id))"
    case .unsupported(let feature, let location):
      "\(Self.place(location)): \(text(feature))"
    case .limitExceeded(let limit, let location, _):
      "\(Self.place(location)): has \(limit.excess), which is the limit"
    case .unrepresentable(let tensor, let target, let why, let hint):
      (tensor.map { Self.name($0) + ": " } ?? "")
        + "can't be written as \(Self.name(target)): \(text(why))\(text(hint: hint))"
    case .unsuitable(let location, let why, let hint):
      "\(Self.place(location)): \(text(why))\(text(hint: hint))"
    case .invalidRequest(let option, let why), .unmet(let option, let why):
      "\(names.name(of: option, nil)): \(text(why))"
    case .missing(let path, let why, let hint), .outputRefused(let path, let why, let hint):
      "\(Self.name(path)): \(text(why))\(text(hint: hint))"
    case .environment(let failure):
      "\(Self.name(failure.path)): \(Process.message(forErrorNumber: failure.errorNumber)) (\(failure.call))"
    case .sourceChanged(let path, let found, let expected):
      "\(Self.name(path)): \(text(found)), expected \(text(expected))"
    case .interrupted: "interrupted"
    case .internal(let state): "internal error: \(text(state)); please report this"
    }
  }

  /// Evidence as text.
  package func text(_ evidence: Evidence) -> String {
    evidence.pieces.map { piece in
      switch piece {
      case .words(let words): words
      case .value(let value): Self.quoted(value)
      case .count(let count): count.description
      case .option(let option, let value): names.name(of: option, value)
      case .verb(let verb, let option, let value): names.name(of: verb, option, value)
      case .remedy(let remedy): text(remedy.evidence)
      }
    }.joined()
  }

  /// What an error's sentence says at its end of what helps; `nil` where it says nothing of that.
  package func hint(_ error: IngotError) -> String? {
    switch error {
    case .unrepresentable(_, _, _, let hint), .unsuitable(_, _, let hint), .missing(_, _, let hint),
      .outputRefused(_, _, let hint):
      hint.map(sentence)
    default: nil
    }
  }

  private func sentence(_ hint: Evidence) -> String { names.introduction(to: hint.options) + text(hint) }

  private func text(hint: Evidence?) -> String { hint.map { "; " + sentence($0) } ?? "" }

  /// A value in quotes, made safe.
  package static func quoted(_ value: String) -> String {
    "\"\(PrintableText.escaped(value, limit: 120))\""
  }

  /// A path or a name without quotes, made safe.
  package static func name(_ value: String) -> String { PrintableText.escaped(value, limit: 300) }

  /// A location on one line: file, member, line, byte, tensor, key.
  package static func place(_ location: Location) -> String {
    var pieces = [name(location.file)]
    if let member = location.member { pieces.append(name(member)) }
    var within: [String] = []
    if let line = location.line { within.append("line \(line)") }
    if let offset = location.offset { within.append("byte \(offset)") }
    if let tensor = location.tensor { within.append(quoted(tensor)) }
    if let key = location.key { within.append("key " + quoted(key)) }
    if !within.isEmpty { pieces.append(within.joined(separator: ", ")) }
    return pieces.joined(separator: ": ")
  }
}

/// The names that a library's user knows: properties and functions.
private struct LibraryNames: RequestNames {
  func name(of option: RequestOption, _ value: String?) -> String {
    let property =
      switch option {
      case .digestDialect: "dialect"
      case .names: "include"
      case .tie: "head: .tie"
      case .untie: "head: .untie"
      default: option.rawValue
      }
    return "`\(property)`" + (value.map { " " + $0 } ?? "")
  }

  func name(of verb: Verb, _ option: RequestOption?, _ value: String?) -> String {
    "`\(verb.rawValue)`" + (option.map { " with " + name(of: $0, value) } ?? "")
  }

  func introduction(to options: [RequestOption]) -> String { "" }
}

extension IngotError: CustomStringConvertible {
  /// What the error says, on one line, as the program prints it; options are called as the library's properties.
  public var description: String { ErrorText(LibraryNames()).sentence(self) }
}

extension Evidence: CustomStringConvertible {
  /// The words, with values in quotes and made safe to print.
  public var description: String { ErrorText(LibraryNames()).text(self) }
}
