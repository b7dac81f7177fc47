// SPDX-License-Identifier: Apache-2.0
// `--rename OLD=NEW`: names by pattern, what each `*` stood for taken over.
import IngotCore

/// A rule that gives tensors other names; texts are compared code point by code point, as they are stored.
public struct TensorRename: Hashable, Sendable {
  private typealias Piece = ArraySlice<Unicode.Scalar>

  /// The rule as written.
  public let rule: String
  /// The pattern of names that it is for, as written.
  public let old: String
  private let pieces: [Piece]
  private let newPieces: [Piece]

  /// Reads a rule.
  ///
  /// - Parameter rule: `OLD=NEW`; a `*` in OLD stands for any text, and NEW has as many, or none.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for a rule that is none.
  public init(_ rule: String) throws(IngotError) {
    guard let (old, new) = rule.divided(at: "="), !old.isEmpty else {
      throw .invalidRequest(option: .renames, why: "\(rule) is not of the form OLD=NEW")
    }
    self.rule = rule
    self.old = old
    pieces = Self.split(old)
    newPieces = Self.split(new)
    guard newPieces.count <= pieces.count else {
      throw .invalidRequest(
        option: .renames,
        why: "\(rule) has more * on the right than on the left, which say what they stand for")
    }
    guard !new.isEmpty else {
      throw .invalidRequest(option: .renames, why: "\(rule) leaves no name")
    }
  }

  private static func split(_ text: String) -> [Piece] {
    Array(text.unicodeScalars).split(separator: "*", omittingEmptySubsequences: false)
  }

  /// The new name of a tensor; `nil` when the rule is not for it.
  ///
  /// Each `*` but the last stands for as little as possible.
  public func apply(to name: String) -> String? {
    var rest = Array(name.unicodeScalars)[...]
    guard let first = pieces.first, let last = pieces.last, rest.starts(with: first) else { return nil }
    rest = rest.dropFirst(first.count)
    guard pieces.count > 1 else { return rest.isEmpty ? Self.text(newPieces[0]) : nil }
    var captures: [Piece] = []
    for piece in pieces.dropFirst().dropLast() {
      let places = rest.startIndex...rest.endIndex
      guard let place = places.first(where: { rest[$0...].starts(with: piece) }) else { return nil }
      captures.append(rest[..<place])
      rest = rest[place...].dropFirst(piece.count)
    }
    guard rest.count >= last.count, rest.suffix(last.count) == last else { return nil }
    captures.append(rest.dropLast(last.count))
    return Self.text(newPieces[0])
      + zip(captures, newPieces.dropFirst()).map { Self.text($0) + Self.text($1) }.joined()
  }

  private static func text(_ piece: Piece) -> String { String(String.UnicodeScalarView(piece)) }
}
