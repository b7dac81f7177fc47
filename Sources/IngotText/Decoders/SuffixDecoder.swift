// SPDX-License-Identifier: Apache-2.0
// `BPEDecoder`: the mark at a word's end, such as `</w>`, is a space, and in the last token nothing.

/// Turns marks of words' ends into spaces.
package struct SuffixDecoder: TokenDecoder {
  private let suffix: [UInt8]

  /// Makes the decoder.
  package init(suffix: [UInt8]) { self.suffix = suffix }

  package func makeStage() -> any DecoderStage { Stage(suffix: suffix) }

  private struct Stage: DecoderStage {
    let suffix: [UInt8]
    /// The token before, whose marks are nothing if it is the last.
    var last: [UInt8]?

    mutating func take(_ fragment: TextFragment, to output: inout [TextFragment]) {
      put([UInt8(ascii: " ")], to: &output)
      last = fragment.bytes
    }

    mutating func finish(to output: inout [TextFragment]) { put([], to: &output) }

    private mutating func put(_ replacement: [UInt8], to output: inout [TextFragment]) {
      guard let bytes = last else { return }
      last = nil
      var stage = ReplaceDecoder(suffix, with: replacement).makeStage()
      stage.take(TextFragment(bytes), to: &output)
    }
  }
}
