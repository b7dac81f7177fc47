// SPDX-License-Identifier: Apache-2.0
// What changes text before it is cut: the first stage of a tokenizer. One file a component. Page: formats/tokenizer.md.

/// Changes text before it is cut: composes characters, lowercases, puts marks for spaces.
package protocol Normalizer: Sendable {
  /// Changes a section of text, or a chunk of one that ``settledCount(of:)`` lets go.
  func normalize(_ text: inout NormalizedText)

  /// How much of a chunk may be normalized by itself, whatever follows.
  ///
  /// - Parameter text: a chunk of a section; where ``NormalizedText/isEnd``, all of it is settled.
  /// - Returns: a count of bytes from its start.
  func settledCount(of text: NormalizedText) -> Int

  /// How many bytes may come of one, at the most.
  var growth: Int { get }
}
