// SPDX-License-Identifier: Apache-2.0
// How a long sequence is cut into windows that a model takes.

/// How a sequence is cut into windows.
package struct EvaluationWindows {
  /// One window: the tokens that go in, and those that are predicted for the first time.
  package struct Window {
    /// Tokens that go in.
    package var inputs: Range<Int>
    /// Tokens that are scored, each by the logits of the token before it.
    package var scored: Range<Int>
  }

  /// The windows, in order.
  package let all: [Window]

  /// Cuts a sequence.
  ///
  /// - Parameters:
  ///   - tokenCount: tokens of the sequence.
  ///   - context: tokens that the model takes.
  ///   - stride: tokens from one window to the next, at most the context: the windows of transformers' page "Perplexity
  ///     of fixed-length models", in which a token is predicted by those of its window only. `nil` for windows one behind
  ///     the other, whose last token predicts the first of the next one.
  package init(tokenCount: Int, context: Int, stride: Int?) {
    all =
      stride.map { Self.strided(tokenCount, context, $0) } ?? Self.consecutive(tokenCount, context)
  }

  private static func consecutive(_ tokenCount: Int, _ context: Int) -> [Window] {
    stride(from: 0, to: tokenCount - 1, by: context).map { start in
      let end = min(start + context, tokenCount - 1)
      return Window(inputs: start..<end, scored: (start + 1)..<(end + 1))
    }
  }

  private static func strided(_ tokenCount: Int, _ context: Int, _ step: Int) -> [Window] {
    var windows: [Window] = []
    var scoredEnd = 0
    for start in stride(from: 0, to: tokenCount, by: step) {
      let end = min(start + context, tokenCount)
      // The first token of a window has nothing before it. What goes in last predicts nothing.
      let scored = max(scoredEnd, start + 1)..<max(end, scoredEnd, start + 1)
      if !scored.isEmpty { windows.append(Window(inputs: start..<(end - 1), scored: scored)) }
      scoredEnd = end
      if end == tokenCount { break }
    }
    return windows
  }
}
