// SPDX-License-Identifier: Apache-2.0
// `Metaspace`: a mark such as U+2581 is a space, and in the first token, where one was put before the text, nothing.

/// Turns marks of spaces into spaces.
package struct MetaspaceDecoder: TokenDecoder {
  private let mark: [UInt8]
  private let dropsFirst: Bool

  /// Makes the decoder.
  ///
  /// - Parameters:
  ///   - mark: the character's bytes.
  ///   - dropsFirst: whether marks in the first token are left out.
  package init(mark: [UInt8], dropsFirst: Bool) {
    self.mark = mark
    self.dropsFirst = dropsFirst
  }

  package func makeStage() -> any DecoderStage { Stage(mark: mark, dropsFirst: dropsFirst) }

  private struct Stage: DecoderStage {
    let mark: [UInt8]
    let dropsFirst: Bool
    var isFirst = true

    mutating func take(_ fragment: TextFragment, to output: inout [TextFragment]) {
      let space: [UInt8] = isFirst && dropsFirst ? [] : [UInt8(ascii: " ")]
      isFirst = false
      var stage = ReplaceDecoder(mark, with: space).makeStage()
      stage.take(TextFragment(fragment.bytes), to: &output)
    }
  }
}
