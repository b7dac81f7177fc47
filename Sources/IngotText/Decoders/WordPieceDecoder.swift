// SPDX-License-Identifier: Apache-2.0
// `WordPiece`: a space before each token that begins a word, and English contractions and punctuation put together again.

/// Joins word pieces.
package struct WordPieceDecoder: TokenDecoder {
  private let prefix: [UInt8]
  private let cleansUp: Bool

  /// Makes the decoder.
  ///
  /// - Parameters:
  ///   - prefix: what tokens begin with that go on with a word.
  ///   - cleansUp: whether spaces before punctuation and contractions are taken out, within each token.
  package init(prefix: [UInt8], cleansUp: Bool) {
    self.prefix = prefix
    self.cleansUp = cleansUp
  }

  package func makeStage() -> any DecoderStage { Stage(prefix: prefix, cleansUp: cleansUp) }

  private struct Stage: DecoderStage {
    let prefix: [UInt8]
    let cleansUp: Bool
    var isFirst = true

    /// What is replaced, one after the other.
    ///
    /// - SeeAlso: huggingface/tokenizers, decoders/wordpiece.rs, `cleanup`.
    private static let replacements: [(String, String)] = [
      (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
      (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ]

    mutating func take(_ fragment: TextFragment, to output: inout [TextFragment]) {
      var bytes = fragment.bytes
      if !isFirst {
        bytes =
          bytes.starts(with: prefix) ? Array(bytes.dropFirst(prefix.count)) : [UInt8(ascii: " ")] + bytes
      }
      isFirst = false
      if cleansUp {
        for (pattern, content) in Self.replacements {
          var stage = ReplaceDecoder(Array(pattern.utf8), with: Array(content.utf8)).makeStage()
          var replaced: [TextFragment] = []
          stage.take(TextFragment(bytes), to: &replaced)
          bytes = replaced.flatMap(\.bytes)
        }
      }
      output.append(TextFragment(bytes, isStart: fragment.isStart, isEnd: fragment.isEnd))
    }
  }
}
