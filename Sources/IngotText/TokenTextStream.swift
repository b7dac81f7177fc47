// SPDX-License-Identifier: Apache-2.0
// Tokens to text as a stream: what the decoder is certain of comes out at once, on request without half characters.
import IngotCore

/// Turns tokens into text, one after the other.
package struct TokenTextStream: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecial: Bool
  private let wholeCharacters: Bool
  private var stage: any DecoderStage
  /// The beginning of a character whose rest has not come yet.
  private var half: [UInt8] = []

  /// Begins a text.
  ///
  /// - Parameters:
  ///   - tokenizer: the tokenizer.
  ///   - skipsSpecial: whether marks are left out.
  ///   - wholeCharacters: whether the beginning of a character waits for its rest, for a terminal.
  package init(_ tokenizer: Tokenizer, skipsSpecial: Bool = false, wholeCharacters: Bool = false) {
    self.tokenizer = tokenizer
    self.skipsSpecial = skipsSpecial
    self.wholeCharacters = wholeCharacters
    stage = tokenizer.decoder.makeStage()
  }

  /// Takes the next token.
  ///
  /// - Returns: the bytes that are certain by now.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for an id that no token has.
  package mutating func add(_ id: UInt32) throws(IngotError) -> [UInt8] {
    guard let text = tokenizer.texts.bytes(of: Int(id)) else {
      throw .unsuitable(
        Location(tokenizer.source), why: "has no token with the id \(id)",
        hint: "ids go from 0 to \(max(0, tokenizer.texts.idCount - 1))")
    }
    if skipsSpecial, tokenizer.isSpecial(id) { return [] }
    var output: [TextFragment] = []
    stage.take(TextFragment(Array(text)), to: &output)
    let bytes = half + output.flatMap(\.bytes)
    let count = wholeCharacters ? bytes.countOfWholeCharacters : bytes.count
    half = Array(bytes[count...])
    return Array(bytes[..<count])
  }

  /// Ends the text.
  ///
  /// - Returns: the rest.
  package mutating func finish() -> [UInt8] {
    var output: [TextFragment] = []
    stage.finish(to: &output)
    let bytes = half + output.flatMap(\.bytes)
    half = []
    return bytes
  }
}
