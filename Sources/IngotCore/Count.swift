// SPDX-License-Identifier: Apache-2.0
// A number of things, and the only place where it becomes words: `1 byte`, `2 bytes`.

/// A number of things, with what one and what several of them are called.
public struct Count: Hashable, Sendable, CustomStringConvertible {
  /// The number's digits.
  public let digits: String
  private let one: String
  private let many: String

  /// Makes a count.
  ///
  /// - Parameters:
  ///   - number: how many.
  ///   - one: what follows 1: `byte`, or with its verb `value is`.
  ///   - many: what follows any other number; without it, `one` and an s.
  package init(_ number: some BinaryInteger, _ one: StaticString, _ many: StaticString? = nil) {
    digits = String(number)
    self.one = "\(one)"
    self.many = many.map { "\($0)" } ?? "\(one)s"
  }

  private init(digits: String, like other: Count) {
    self.digits = digits
    one = other.one
    many = other.many
  }

  /// As many as both together, of the same things.
  package func adding(_ other: Count) -> Count {
    guard let own = Int(digits), let others = Int(other.digits) else { return self }
    return Count(digits: String(own &+ others), like: self)
  }

  /// The same things without their number: what counts of one kind have in common.
  package var things: Count { Count(digits: "", like: self) }

  /// `1 byte`, `2 bytes`.
  public var description: String { "\(digits) \(digits == "1" ? one : many)" }
}
