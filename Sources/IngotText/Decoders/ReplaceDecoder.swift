// SPDX-License-Identifier: Apache-2.0
// `Replace`: another text in place of each that is found.

/// Replaces a text wherever it is found.
package struct ReplaceDecoder: TokenDecoder {
  private let pattern: [UInt8]
  private let content: [UInt8]

  /// Makes the decoder.
  ///
  /// - Parameters:
  ///   - pattern: the text that is looked for, not empty.
  ///   - content: what is put in its place.
  package init(_ pattern: [UInt8], with content: [UInt8]) {
    self.pattern = pattern
    self.content = content
  }

  package var growth: Int { max(1, (content.count + pattern.count - 1) / pattern.count) }

  package func makeStage() -> any DecoderStage { Stage(pattern: pattern, content: content) }

  private struct Stage: DecoderStage {
    let pattern: [UInt8]
    let content: [UInt8]
    /// What may be the beginning of the pattern, where a text goes on.
    var rest: [UInt8] = []

    mutating func take(_ fragment: TextFragment, to output: inout [TextFragment]) {
      let bytes = rest + fragment.bytes
      rest = []
      var new: [UInt8] = []
      var place = 0
      while place < bytes.count {
        if bytes[place...].starts(with: pattern) {
          new += content
          place += pattern.count
        } else if !fragment.isEnd, pattern.starts(with: bytes[place...]) {
          rest = Array(bytes[place...])
          break
        } else {
          new.append(bytes[place])
          place += 1
        }
      }
      output.append(TextFragment(new, isStart: fragment.isStart, isEnd: fragment.isEnd))
    }
  }
}
