// SPDX-License-Identifier: Apache-2.0
// `Strip`: takes a character off the ends of each text, so many times at the most.

/// Takes a character off the ends of texts.
package struct StripDecoder: TokenDecoder {
  private let content: [UInt8]
  private let startCount: Int
  private let endCount: Int

  /// Makes the decoder.
  ///
  /// - Parameters:
  ///   - content: the character's bytes.
  ///   - startCount: how often it is taken off the start at the most.
  ///   - endCount: how often it is taken off the end at the most.
  package init(_ content: [UInt8], startCount: Int, endCount: Int) {
    self.content = content
    self.startCount = startCount
    self.endCount = endCount
  }

  package func makeStage() -> any DecoderStage {
    Stage(content: content, startCount: startCount, endCount: endCount)
  }

  private struct Stage: DecoderStage {
    let content: [UInt8]
    let startCount: Int
    let endCount: Int
    /// How often it may still be taken off the start of the text that is open.
    var left = 0
    /// What may have to be taken off the end.
    var rest: [UInt8] = []

    mutating func take(_ fragment: TextFragment, to output: inout [TextFragment]) {
      if fragment.isStart { left = startCount }
      var bytes = ArraySlice(rest + fragment.bytes)
      rest = []
      while left > 0, bytes.starts(with: content) {
        bytes = bytes.dropFirst(content.count)
        left -= 1
      }
      if !bytes.isEmpty { left = 0 }
      var kept = bytes
      var count = 0
      while count < endCount, kept.suffix(content.count).elementsEqual(content) {
        kept = kept.dropLast(content.count)
        count += 1
      }
      if !fragment.isEnd { rest = Array(bytes[kept.endIndex...]) }
      output.append(TextFragment(Array(kept), isStart: fragment.isStart, isEnd: fragment.isEnd))
    }
  }
}
