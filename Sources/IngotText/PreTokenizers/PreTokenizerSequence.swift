// SPDX-License-Identifier: Apache-2.0
// Sequence: pre-tokenizers one after the other.

/// Pre-tokenizers one after the other; each cuts the pieces of those before it.
struct PreTokenizerSequence: PreTokenizer {
  let parts: [any PreTokenizer]

  var keepsWhole: Bool { parts.allSatisfy(\.keepsWhole) }

  func split(_ text: inout PreTokenizedText) {
    guard let first = parts.first else { return }
    first.split(&text)
    // What the first leaves open is no piece yet, so the others must not see it.
    let open = text.text.bytes.count > text.openStart ? text.takeOpenTail() : nil
    for part in parts.dropFirst() { part.split(&text) }
    if let open { text.putBack(open) }
  }
}

extension PreTokenizedText {
  /// Puts an open tail back that was taken out.
  mutating func putBack(_ tail: NormalizedText) {
    let count = text.bytes.count
    let isStart = text.isStart
    text.append(tail)
    text.isStart = isStart
    openStart = count
  }
}
