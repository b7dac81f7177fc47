// SPDX-License-Identifier: Apache-2.0
// A token that is looked for in text before anything else is done with it, as huggingface/tokenizers has it
// (tokenizer/added_vocabulary.rs). Page: formats/tokenizer.md.

/// A token that is looked for in text before anything else.
package struct AddedToken: Hashable, Sendable {
  /// Its text.
  package var content: [UInt8]
  /// Its id.
  package var id: UInt32
  /// Whether it is looked for between characters that are no parts of words only.
  package var isSingleWord = false
  /// Whether white space before it is part of it.
  package var takesSpaceBefore = false
  /// Whether white space behind it is part of it.
  package var takesSpaceBehind = false
  /// Whether it is looked for in normalized text, as it looks when normalized.
  package var isNormalized = false
  /// What it looks like in normalized text, where that is not its content when normalized.
  package var normalizedContent: [UInt8]?
  /// Whether text is searched for it; else it is a mark that no text gives.
  package var isSought = true
  /// Whether it is a mark, which no reader of a text is shown.
  package var isSpecial = false

  /// Makes a token that is looked for as it stands.
  package init(_ content: [UInt8], id: UInt32, isSpecial: Bool = false) {
    self.content = content
    self.id = id
    self.isSpecial = isSpecial
  }
}
