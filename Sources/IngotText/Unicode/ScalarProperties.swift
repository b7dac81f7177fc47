// SPDX-License-Identifier: Apache-2.0
// Sets of characters by their properties, each in the version of Unicode that the peers have it in: formats/tokenizer.md.

extension ScalarSet {
  /// White space: the 25 characters of White_Space, the same since Unicode 6.3.
  package static let whiteSpace = [
    0x09...0x0D, 0x20...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
    0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
  ].reduce(ScalarSet.none) { $0.union(ScalarSet($1)) }
  /// ASCII's punctuation and symbols.
  package static let asciiPunctuation = ScalarSet(0x21...0x2F).union(ScalarSet(0x3A...0x40))
    .union(ScalarSet(0x5B...0x60)).union(ScalarSet(0x7B...0x7E))
  /// Numbers as Rust's `char::is_numeric` has them: Unicode 17.
  package static let numeric = ScalarSet(table: UnicodeTables.numeric17)
  /// Marks of Unicode 9, which StripAccents takes away.
  package static let marks = ScalarSet(table: UnicodeTables.marks9)
  /// Marks that take no space, of Unicode 8, which BERT's normalizer takes away.
  package static let nonspacingMarks = ScalarSet(table: UnicodeTables.nonspacingMarks8)
  /// Punctuation as BERT has it: of Unicode 8, and ASCII's symbols.
  package static let punctuation = ScalarSet(table: UnicodeTables.punctuation8).union(.asciiPunctuation)
  /// What BERT's normalizer takes away as control characters: control, format and private ones of Unicode 8 but for
  /// tabulators and ends of lines, and U+FFFD.
  package static let controls = ScalarSet(table: UnicodeTables.others8)
    .subtracting(ScalarSet("\t\n\r")).union(ScalarSet("\u{FFFD}"))

  /// A general category of Unicode 16, or several of one letter: `Lu`, `L`.
  package static func category(_ name: String) -> ScalarSet? {
    let numbers = UnicodeTables.categoryNames.indices.filter { number in
      let category = UnicodeTables.categoryNames[number]
      return category == name || category.utf8.first.map { String(UnicodeScalar($0)) } == name
    }
    guard !numbers.isEmpty else { return nil }
    return ScalarSet(categoryRuns, where: numbers.contains)
  }

  /// A script of Unicode 16, by its long name.
  package static func script(_ name: String) -> ScalarSet? {
    guard let number = UnicodeTables.scriptNames.firstIndex(of: name) else { return nil }
    return ScalarSet(scriptRuns) { $0 == number }
  }

  /// Characters of words as Rust's regular expressions have them (`\w`), and with few changes Oniguruma's: letters,
  /// marks, digits, letter numbers, connectors, and letters in circles and squares.
  package static let word = ["L", "M", "Nd", "Nl", "Pc"].compactMap(category)
    .reduce(ScalarSet(table: UnicodeTables.wordExtras)) { $0.union($1) }

  private static let categoryRuns = UnicodeTables.runs(UnicodeTables.categories)
  private static let scriptRuns = UnicodeTables.runs(UnicodeTables.scripts)
}
