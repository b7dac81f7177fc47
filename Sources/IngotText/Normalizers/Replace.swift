// SPDX-License-Identifier: Apache-2.0
// Replace: a text in place of each match of a pattern.

/// Puts a text in place of what a pattern finds.
struct Replace: Normalizer {
  let pattern: TextPattern
  let content: [UInt8]

  var growth: Int { Swift.max(1, content.count) }

  func normalize(_ text: inout NormalizedText) {
    var matches: [Range<Int>] = []
    var scan = PatternScan(pattern)
    _ = scan.run(text.bytes, 0..<text.bytes.count, isEnd: true, asLetters: false) { range, isMatch in
      if isMatch { matches.append(range) }
    }
    guard !matches.isEmpty else { return }
    text.rewrite { rewriter in
      for match in matches {
        rewriter.keep(match.lowerBound - rewriter.offset)
        rewriter.remove(match.count)
        rewriter.insert(content)
      }
    }
  }

  func settledCount(of text: NormalizedText) -> Int {
    guard !text.isEnd else { return text.bytes.count }
    var scan = PatternScan(pattern)
    var settled = 0
    let rest = scan.run(text.bytes, 0..<text.bytes.count, isEnd: false, asLetters: false) { range, isMatch in
      if isMatch { settled = range.upperBound }
    }
    return max(settled, rest)
  }
}
