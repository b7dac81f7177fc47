// SPDX-License-Identifier: Apache-2.0
// What huggingface/tokenizers does where there is no decoder: a space between tokens.

/// Puts a space between tokens.
package struct JoinDecoder: TokenDecoder {
  /// Makes the decoder.
  package init() {}

  package func makeStage() -> any DecoderStage { Stage() }

  private struct Stage: DecoderStage {
    var isFirst = true

    mutating func take(_ fragment: TextFragment, to output: inout [TextFragment]) {
      if fragment.isStart, !isFirst { output.append(TextFragment([UInt8(ascii: " ")])) }
      isFirst = false
      output.append(fragment)
    }
  }
}
