// SPDX-License-Identifier: Apache-2.0
// Texts that end what is generated: they are looked for while it comes, and neither they nor what follows is shown.

/// Looks for texts in bytes that come piece by piece.
package struct StopTexts {
  private let texts: [[UInt8]]
  /// The end of what came that may be the beginning of one of the texts.
  private var held: [UInt8] = []
  /// Whether one of them came.
  package private(set) var hasStopped = false

  /// Prepares to look for texts; empty ones are passed over.
  package init(_ texts: [String]) { self.texts = texts.map { Array($0.utf8) }.filter { !$0.isEmpty } }

  /// Takes the next bytes.
  ///
  /// - Returns: what is certain to come before any of the texts.
  /// - Complexity: the bytes times the length of the texts.
  package mutating func add(_ bytes: [UInt8]) -> [UInt8] {
    guard !hasStopped else { return [] }
    held += bytes
    // The one that is whole first, however the bytes come.
    let found = texts.compactMap { text in Self.place(of: text, in: held).map { ($0 + text.count, $0) } }
    if let (_, place) = found.min(by: <) {
      hasStopped = true
      defer { held = [] }
      return Array(held[..<place])
    }
    let waiting = texts.reduce(0) { max($0, Self.overlap(of: held, with: $1)) }
    let certain = Array(held.dropLast(waiting))
    held = Array(held.suffix(waiting))
    return certain
  }

  /// The rest, when no more bytes come.
  package mutating func finish() -> [UInt8] {
    defer { held = [] }
    return held
  }

  /// Where a text stands first.
  private static func place(of text: [UInt8], in bytes: [UInt8]) -> Int? {
    guard bytes.count >= text.count else { return nil }
    return (0...(bytes.count - text.count)).first { bytes[$0...].starts(with: text) }
  }

  /// How many bytes at the end are the beginning of a text.
  private static func overlap(of bytes: [UInt8], with text: [UInt8]) -> Int {
    (0..<min(bytes.count + 1, text.count)).last { bytes.suffix($0).elementsEqual(text.prefix($0)) } ?? 0
  }
}
