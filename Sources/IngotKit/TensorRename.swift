// SPDX-License-Identifier: Apache-2.0
// `--rename OLD=NEW`: names by pattern, what each `*` stood for taken over.
import IngotCore

/// A rule that gives tensors other names.
public struct TensorRename: Hashable, Sendable {
  /// The pattern of names that it is for, as written.
  public let old: String
  private let pieces: [String]
  private let newPieces: [String]

  /// Reads a rule.
  ///
  /// - Parameter rule: `OLD=NEW`; a `*` in OLD stands for any text, and NEW has as many, or none.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for a rule that is none.
  public init(_ rule: String) throws(IngotError) {
    guard let equals = rule.firstIndex(of: "="), equals != rule.startIndex else {
      throw .invalidRequest(option: "--rename", why: "\(rule) is not of the form OLD=NEW")
    }
    old = String(rule[..<equals])
    pieces = Self.split(old)
    newPieces = Self.split(String(rule[rule.index(after: equals)...]))
    guard newPieces.count <= pieces.count else {
      throw .invalidRequest(
        option: "--rename",
        why: "\(rule) has more * on the right than on the left, which say what they stand for")
    }
    guard newPieces != [""] else {
      throw .invalidRequest(option: "--rename", why: "\(rule) leaves no name")
    }
  }

  private static func split(_ text: String) -> [String] {
    text.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
  }

  /// The new name of a tensor; `nil` when the rule is not for it.
  ///
  /// Each `*` but the last stands for as little as possible.
  public func apply(to name: String) -> String? {
    guard let first = pieces.first, let last = pieces.last, name.hasPrefix(first) else { return nil }
    guard pieces.count > 1 else { return name == first ? newPieces[0] : nil }
    var rest = name.dropFirst(first.count)
    var captures: [Substring] = []
    for piece in pieces.dropFirst().dropLast() {
      guard let capture = Self.text(before: piece, in: rest) else { return nil }
      captures.append(capture)
      rest = rest.dropFirst(capture.count + piece.count)
    }
    guard rest.hasSuffix(last), rest.count >= last.count else { return nil }
    captures.append(rest.dropLast(last.count))
    var result = newPieces[0]
    for (capture, piece) in zip(captures, newPieces.dropFirst()) { result += capture + piece }
    return result
  }

  /// The text before a piece; `nil` when the piece is not there.
  private static func text(before piece: String, in text: Substring) -> Substring? {
    var start = text.startIndex
    while true {
      if text[start...].hasPrefix(piece) { return text[..<start] }
      guard start < text.endIndex else { return nil }
      start = text.index(after: start)
    }
  }
}
