// SPDX-License-Identifier: Apache-2.0
// What is put before and behind a text's tokens, and what offsets are cut by: the fourth stage of a tokenizer. All kinds
// that published files have come down to this one value. Page: formats/tokenizer.md.

/// What is put before and behind a text's tokens, for one text.
package struct PostProcessor: Hashable, Sendable {
  /// Ids that stand before the text's.
  package var before: [UInt32] = []
  /// Ids that stand behind the text's.
  package var behind: [UInt32] = []
  /// Whether spaces at a token's ends are no part of its place in the text.
  package var trimsOffsets = false
  /// Whether a space was put before the text, which is not trimmed.
  package var hasPrefixSpace = false

  /// Makes one that adds nothing.
  package init(before: [UInt32] = [], behind: [UInt32] = []) {
    self.before = before
    self.behind = behind
  }

  /// Puts another processor's tokens around those of this one.
  package mutating func append(_ next: PostProcessor) {
    before = next.before + before
    behind += next.behind
    trimsOffsets = trimsOffsets || next.trimsOffsets
    hasPrefixSpace = hasPrefixSpace || next.hasPrefixSpace
  }
}
