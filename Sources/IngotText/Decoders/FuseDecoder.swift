// SPDX-License-Identifier: Apache-2.0
// `Fuse`, and `ByteLevel` for tokens that are bytes already: all texts become one.

/// Makes one text of all.
package struct FuseDecoder: TokenDecoder {
  /// Makes the decoder.
  package init() {}

  package func makeStage() -> any DecoderStage { Stage() }

  private struct Stage: DecoderStage {
    var isFirst = true

    mutating func take(_ fragment: TextFragment, to output: inout [TextFragment]) {
      output.append(TextFragment(fragment.bytes, isStart: isFirst, isEnd: false))
      isFirst = false
    }

    mutating func finish(to output: inout [TextFragment]) {
      output.append(TextFragment([], isStart: isFirst, isEnd: true))
    }
  }
}
