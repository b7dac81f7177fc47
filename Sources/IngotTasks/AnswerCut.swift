// SPDX-License-Identifier: Apache-2.0
// The answer within a text that a model has generated.

/// Cuts an answer out of a text.
package struct AnswerCut {
  private let ending: TaskTemplate.Ending
  private let lineCount: Int

  /// Prepares for an answer.
  ///
  /// - Parameters:
  ///   - template: says where answers end.
  ///   - expected: the answers that are right; where one has several lines, as many are taken.
  package init(for template: TaskTemplate, expected: [String]) {
    ending = template.ending
    lineCount = expected.reduce(1) { max($0, Self.lines(of: Self.trimmed($1)).count) }
  }

  /// Texts behind which nothing more is needed.
  package var stopTexts: [String] { ending == .line && lineCount == 1 ? ["\n"] : [] }

  /// The answer, without white space at its ends.
  ///
  /// - Parameters:
  ///   - text: what was generated.
  ///   - overlap: the prompt's end, where the text begins with it.
  /// - Returns: the answer.
  package func answer(in text: String, behind overlap: String) -> String {
    let text = text.hasPrefix(overlap) ? String(text.dropFirst(overlap.count)) : text
    return switch ending {
    case .likeExpected: Self.trimmed(text)
    case .line: Self.trimmed(Self.lines(of: text).prefix(lineCount).joined(separator: "\n"))
    case .word: Self.firstWord(of: text)
    case .sentences(let count): Self.trimmed(Self.firstSentences(count, of: text))
    }
  }

  /// A text without white space at its ends.
  package static func trimmed(_ text: String) -> String {
    String(text.drop(while: \.isWhitespace).dropLast(while: \.isWhitespace))
  }

  private static func lines(of text: String) -> [Substring] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// The first word, without the punctuation behind it.
  private static func firstWord(of text: String) -> String {
    let word = text.drop(while: \.isWhitespace).prefix { !$0.isWhitespace }
    let bare = word.dropLast(while: \.isPunctuation)
    return String(bare.isEmpty ? word : bare)
  }

  /// The first sentences: each ends with marks that white space follows.
  private static func firstSentences(_ count: Int, of text: String) -> String {
    var found = 0
    var ends = false
    for index in text.indices {
      let character = text[index]
      if ends, character.isWhitespace {
        found += 1
        if found == count { return String(text[..<index]) }
      }
      // Quotation marks and brackets that close belong to the sentence.
      ends = ".!?。！？".contains(character) || ends && "\"'”’)]»".contains(character)
    }
    return text
  }
}

extension StringProtocol {
  /// The text without the characters at its end that are of a kind.
  func dropLast(while isOfKind: (Character) -> Bool) -> SubSequence {
    lastIndex { !isOfKind($0) }.map { self[...$0] } ?? self[startIndex..<startIndex]
  }
}
