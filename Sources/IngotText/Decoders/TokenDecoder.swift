// SPDX-License-Identifier: Apache-2.0
// What turns tokens' texts into text again: the last stage of a tokenizer, one token after the other. One file a component.
// Semantics: huggingface/tokenizers, decoders/, which takes lists of texts. Page: formats/tokenizer.md.

/// A part of a token's text, or of what was made of it.
package struct TextFragment: Hashable, Sendable {
  /// The bytes.
  package var bytes: [UInt8]
  /// Whether a text of the list begins with it.
  package var isStart = true
  /// Whether a text of the list ends with it.
  package var isEnd = true

  /// Whether it is a text of the list as a whole.
  var isWhole: Bool { isStart && isEnd }

  /// Makes a fragment that is a whole text.
  package init(_ bytes: [UInt8], isStart: Bool = true, isEnd: Bool = true) {
    self.bytes = bytes
    self.isStart = isStart
    self.isEnd = isEnd
  }
}

/// Turns tokens' texts into text.
package protocol TokenDecoder: Sendable {
  /// What does the work on one list of tokens, from the first to the last.
  func makeStage() -> any DecoderStage
  /// Bytes that may come of one at the most, small constants aside.
  var growth: Int { get }
}

extension TokenDecoder {
  package var growth: Int { 1 }
}

/// A decoder at work.
package protocol DecoderStage: Sendable {
  /// Takes the next fragment, and adds to the output what is certain by now.
  mutating func take(_ fragment: TextFragment, to output: inout [TextFragment])
  /// Adds the rest: no fragment follows.
  mutating func finish(to output: inout [TextFragment])
}

extension DecoderStage {
  package mutating func finish(to output: inout [TextFragment]) {}
}

/// Decoders one behind the other.
package struct DecoderSequence: TokenDecoder {
  private let decoders: [any TokenDecoder]

  /// Makes a sequence, from the first decoder to the last.
  package init(_ decoders: [any TokenDecoder]) { self.decoders = decoders }

  package var growth: Int {
    decoders.reduce(1) { product, decoder in
      let (growth, isLarge) = product.multipliedReportingOverflow(by: decoder.growth)
      return isLarge ? .max : growth
    }
  }

  package func makeStage() -> any DecoderStage { Stage(stages: decoders.map { $0.makeStage() }) }

  private struct Stage: DecoderStage {
    var stages: [any DecoderStage]

    mutating func take(_ fragment: TextFragment, to output: inout [TextFragment]) {
      var fragments = [fragment]
      for index in stages.indices { fragments = pass(fragments, through: index) }
      output += fragments
    }

    mutating func finish(to output: inout [TextFragment]) {
      var fragments: [TextFragment] = []
      for index in stages.indices {
        fragments = pass(fragments, through: index)
        stages[index].finish(to: &fragments)
      }
      output += fragments
    }

    private mutating func pass(_ fragments: [TextFragment], through index: Int) -> [TextFragment] {
      var next: [TextFragment] = []
      for fragment in fragments { stages[index].take(fragment, to: &next) }
      return next
    }
  }
}
