// SPDX-License-Identifier: Apache-2.0
// Facts with a word for what each is, for a terminal's column of labels and for a page.

/// A fact, and what it is: `holds`, `an optimizer's state: 4 tensors`.
struct LabelledText {
  /// What a fact is, in a word.
  enum Label: String {
    case model, names, holds, also
  }

  /// What the fact is.
  let label: Label
  /// The fact.
  let text: String

  /// Columns that labels take.
  private static let labelWidth = 5

  init(_ label: Label, _ text: String) {
    (self.label, self.text) = (label, text)
  }

  /// The fact as a line, its label dim.
  func line(_ style: TextStyle) -> String {
    let word = label.rawValue
    let padding = String(repeating: " ", count: max(0, Self.labelWidth - word.count))
    return "\(style.text(word + padding, .dim))  \(text)"
  }
}
