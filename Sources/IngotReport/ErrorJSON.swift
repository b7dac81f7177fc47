// SPDX-License-Identifier: Apache-2.0
// An error as an object for programs: what the line for people says, taken apart.
import IngotBytes
import IngotKit

extension ErrorRenderer {
  /// An error as one object on one line, ended by a line feed:
  /// `{"schema": 1, "error": {"code", "path", "place", "rule", "found", "expected", "help", "message"}}`.
  ///
  /// What an error does not have is `null`. `place` is in words; the offset, line, tensor, key, member, option and limit
  /// that it is made of have keys of their own where there are any. `message` is the line for people, without the
  /// program's name.
  ///
  /// - Parameters:
  ///   - error: the error.
  ///   - hasOption: whether the command that failed has an option.
  /// - Returns: the object.
  package static func json(
    _ error: IngotError, hasOption: @escaping (String) -> Bool = { _ in true }
  ) -> String {
    let text = ErrorText(CommandNames(hasOption: hasOption))
    var parts = ErrorParts(error, text)
    parts.help = text.hint(error) ?? help(for: error)
    return json(parts, code: exitCode(error), message: text.sentence(error))
  }

  /// A mistake on the command line, as the same object.
  ///
  /// - Parameter message: the line for people, without the program's name.
  /// - Returns: the object, of exit code 64.
  package static func json(usage message: String) -> String {
    json(ErrorParts(found: message), code: 64, message: message)
  }

  /// The object for a file that became shorter while it was mapped, taken apart where its path stands: the handler of that
  /// fault can do no more than put the path in.
  package static var mappingFaultPieces: [String] {
    let (mark, found) = ("§", "the file became shorter while it was read")
    var parts = ErrorParts(found: found)
    parts.path = mark
    return json(parts, code: 74, message: "\(mark): \(found)").split(
      separator: Character(mark), omittingEmptySubsequences: false
    ).map(String.init)
  }

  private static func json(_ parts: ErrorParts, code: Int32, message: String) -> String {
    func string(_ value: String?) -> MetadataValue { value.map { .string($0) } ?? .null }
    var object = Metadata([
      .init(key: "code", value: .int64(Int64(code))), .init(key: "path", value: string(parts.path)),
      .init(key: "place", value: string(parts.place)), .init(key: "rule", value: string(parts.rule)),
      .init(key: "found", value: string(parts.found)),
      .init(key: "expected", value: string(parts.expected)), .init(key: "help", value: string(parts.help)),
      .init(key: "message", value: .string(message)),
    ])
    for entry in parts.details.entries { object[entry.key] = entry.value }
    return JSONText.line([("error", .object(object))])
  }
}

/// What an error's line is made of.
private struct ErrorParts {
  var path: String?
  var place: String?
  var rule: String?
  var found: String?
  var expected: String?
  var help: String?
  /// What the place is made of.
  var details = Metadata()

  init(found: String) {
    self.found = found
  }

  init(_ error: IngotError, _ text: ErrorText) {
    switch error {
    case .malformed(let rule, let location, let found, let expected):
      take(location)
      (self.rule, self.found, self.expected) = (rule.id, text.text(found), text.text(expected))
    case .unsupported(let feature, let location):
      take(location)
      found = text.text(feature)
    case .limitExceeded(let limit, let location, _):
      take(location)
      found = limit.excess
      expected = "at most \(limit.value)"
      details["limit"] = .string(limit.rawValue)
    case .unrepresentable(let tensor, let target, let why, _):
      found = text.text(why)
      expected = "what can be written as \(target)"
      place = tensor.map(ErrorText.quoted)
      if let tensor { details["tensor"] = .string(tensor) }
    case .unsuitable(let location, let why, _):
      take(location)
      found = text.text(why)
    case .invalidRequest(let option, let why), .unmet(let option, let why):
      place = option.spelling
      found = text.text(why)
      details["option"] = .string(option.spelling)
    case .missing(let path, let why, _), .outputRefused(let path, let why, _):
      self.path = path
      found = text.text(why)
    case .environment(let failure):
      path = failure.path
      found = "\(Process.message(forErrorNumber: failure.errorNumber)) (\(failure.call))"
    case .sourceChanged(let path, let found, let expected):
      (self.path, self.found, self.expected) = (path, text.text(found), text.text(expected))
    case .interrupted: found = "interrupted"
    case .internal(let state): found = text.text(state)
    }
  }

  private mutating func take(_ location: Location) {
    path = location.file
    var within = location
    within.file = ""
    // The file's own place is its path, behind which the others stand.
    let words = ErrorText.place(within)
    place = words.isEmpty ? nil : words.hasPrefix(": ") ? String(words.dropFirst(2)) : words
    if let member = location.member { details["member"] = .string(member) }
    if let line = location.line { details["line"] = .int64(Int64(line)) }
    if let offset = location.offset { details["offset"] = .int64(Int64(offset)) }
    if let tensor = location.tensor { details["tensor"] = .string(tensor) }
    if let key = location.key { details["key"] = .string(key) }
  }
}
