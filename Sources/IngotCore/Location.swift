// SPDX-License-Identifier: Apache-2.0
// Rules that pages under formats/ state, and places in files where they are broken.

/// The id of a rule that a page under `formats/` states, such as `ST-07`.
///
/// Each format declares its rules as cases of an enumeration that `FormatRule` makes convertible to this.
public struct Rule: Hashable, Sendable {
  /// The id as the page writes it.
  public let id: String

  /// Makes a reference to a rule.
  package init(id: String) {
    self.id = id
  }
}

/// The rules of one format: an enumeration whose raw values are the ids on its page.
package protocol FormatRule: RawRepresentable, CaseIterable, Sendable where RawValue == String {}

extension FormatRule {
  /// The rule as errors carry it.
  package var rule: Rule { Rule(id: rawValue) }
}

/// A place in the input.
public struct Location: Hashable, Sendable {
  /// The file's path as the user knows it.
  public var file: String
  /// The member of an archive.
  public var member: String?
  /// The line of a text, from 1.
  public var line: Int?
  /// The byte's offset from the start of the file, of the member, or of the line.
  public var offset: Int?
  /// The tensor's name.
  public var tensor: String?
  /// The key of a header, config or metadata.
  public var key: String?

  /// Makes a location; leave out what is not known.
  public init(
    _ file: String, member: String? = nil, line: Int? = nil, offset: Int? = nil, tensor: String? = nil,
    key: String? = nil
  ) {
    self.file = file
    self.member = member
    self.line = line
    self.offset = offset
    self.tensor = tensor
    self.key = key
  }
}
