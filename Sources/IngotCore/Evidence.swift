// SPDX-License-Identifier: Apache-2.0
// What was found or expected, as words of ours and values of the file's kept apart, so that one place can make a
// stranger's text safe to print. Options, verbs and remedies are values as well: they are not called alike everywhere.

/// What was found or expected: our words, and values that may come from a stranger's file.
///
/// Write it as an interpolated literal. What is interpolated as text is a value: ErrorText quotes, escapes and shortens
/// it. Numbers and dtypes print as they are; a number of things agrees with what they are called.
///
/// ```swift
/// found: "\(gap, "byte") that no tensor covers", expected: "0"
/// ```
public struct Evidence: Hashable, Sendable {
  /// A piece of evidence.
  public enum Piece: Hashable, Sendable {
    /// Words of this program.
    case words(String)
    /// Text from the input or its name; not to be printed unescaped.
    case value(String)
    /// A number of things.
    case count(Count)
    /// Something that the caller can choose, with what is chosen.
    case option(RequestOption, String?)
    /// Something that can be done, with a choice for it.
    case verb(Verb, RequestOption?, String?)
    /// What helps.
    case remedy(Remedy)
  }

  /// The pieces, in order.
  public var pieces: [Piece]

  /// Makes evidence of pieces.
  public init(pieces: [Piece]) {
    self.pieces = pieces
  }

  /// Evidence that is nothing but a value of the file's.
  public static func value(_ text: String) -> Evidence {
    Evidence(pieces: [.value(text)])
  }
}

extension Evidence: ExpressibleByStringInterpolation {
  /// Collects the pieces of an interpolated literal.
  public struct StringInterpolation: StringInterpolationProtocol {
    var pieces: [Piece] = []

    /// Starts an empty collection.
    public init(literalCapacity: Int, interpolationCount: Int) {}

    /// Adds words of ours.
    public mutating func appendLiteral(_ literal: String) {
      if !literal.isEmpty { pieces.append(.words(literal)) }
    }

    /// Adds a value from the input.
    public mutating func appendInterpolation(_ value: String) {
      pieces.append(.value(value))
    }

    /// Adds a number.
    public mutating func appendInterpolation(_ number: some BinaryInteger) {
      pieces.append(.words(String(number)))
    }

    /// Adds a number of things: `\(count, "byte")`, `\(count, "value is", "values are")`.
    public mutating func appendInterpolation(
      _ number: some BinaryInteger, _ one: StaticString, _ many: StaticString? = nil
    ) {
      pieces.append(.count(Count(number, one, many)))
    }

    /// Adds a number.
    public mutating func appendInterpolation(_ number: Double) {
      pieces.append(.words("\(number)"))
    }

    /// Adds a dtype.
    public mutating func appendInterpolation(_ dtype: DType) {
      pieces.append(.words(dtype.rawValue))
    }

    /// Adds a shape: `768 × 2304`.
    public mutating func appendInterpolation(_ shape: Shape) {
      let text = shape.dimensions.map(String.init).joined(separator: " × ")
      pieces.append(.words(text.isEmpty ? "a scalar" : text))
    }

    /// Adds something that the caller can choose, with what is chosen: `\(option: .dtype, "F32")`.
    public mutating func appendInterpolation(option: RequestOption, _ value: String? = nil) {
      pieces.append(.option(option, value))
    }

    /// Adds something that can be done, with a choice for it: `\(verb: .convert, .dtype, "F32")`.
    public mutating func appendInterpolation(
      verb: Verb, _ option: RequestOption? = nil, _ value: String? = nil
    ) {
      pieces.append(.verb(verb, option, value))
    }

    /// Adds what helps.
    public mutating func appendInterpolation(remedy: Remedy) {
      pieces.append(.remedy(remedy))
    }

    /// Adds words of ours that are not a literal.
    public mutating func appendInterpolation(words: String) {
      pieces.append(.words(words))
    }

    /// Adds other evidence.
    public mutating func appendInterpolation(_ evidence: Evidence) {
      pieces.append(contentsOf: evidence.pieces)
    }
  }

  /// Makes evidence of an interpolated literal.
  public init(stringInterpolation: StringInterpolation) {
    pieces = stringInterpolation.pieces
  }

  /// Makes evidence of words.
  public init(stringLiteral value: String) {
    pieces = [.words(value)]
  }
}

extension [Evidence] {
  /// Pieces with words of ours between them.
  package func joined(separator: String) -> Evidence {
    var joined = Evidence(pieces: [])
    for (index, evidence) in enumerated() {
      if index > 0 { joined.pieces.append(.words(separator)) }
      joined.pieces += evidence.pieces
    }
    return joined
  }
}
