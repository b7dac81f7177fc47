// SPDX-License-Identifier: Apache-2.0
// How near a text is to an expected answer, by the words that both have.
import IngotCore

/// The words of an answer as the evaluation script of SQuAD has them: in lower case, without ASCII's punctuation and the
/// articles a, an and the.
///
/// - SeeAlso: Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text", 2016; its `evaluate-v2.0.py`.
package struct AnswerWords: Hashable, Sendable {
  private var counts: [ExactName: Int] = [:]
  private var count = 0

  /// Takes an answer apart.
  package init(_ answer: String) {
    var words: [String.UnicodeScalarView] = []
    var word = String.UnicodeScalarView()
    for run in Self.runs(of: answer) {
      switch run {
      case .space, .article:
        if !word.isEmpty { words.append(word) }
        word = String.UnicodeScalarView()
      case .text(let text): word.append(contentsOf: text)
      }
    }
    if !word.isEmpty { words.append(word) }
    count = words.count
    for word in words { counts[ExactName(String(word)), default: 0] += 1 }
  }

  /// The harmonic mean of the share of these words that the other has and of the other's that these have, each as often as it
  /// is there; where one has no words, 1 if neither has, else 0.
  package func f1(_ other: AnswerWords) -> Double {
    guard count > 0, other.count > 0 else { return count == other.count ? 1 : 0 }
    let common = counts.reduce(0) { $0 + min($1.value, other.counts[$1.key] ?? 0) }
    return 2 * Double(common) / Double(count + other.count)
  }

  private enum Run {
    case space
    case article
    case text(String.UnicodeScalarView)
  }

  /// The text in lower case without punctuation, in runs of letters and digits, of white space, and of what else there is.
  private static func runs(of answer: String) -> [Run] {
    var runs: [Run] = []
    var word = String.UnicodeScalarView()
    func end() {
      guard !word.isEmpty else { return }
      runs.append(["a", "an", "the"].contains(String(word)) ? .article : .text(word))
      word = String.UnicodeScalarView()
    }
    for scalar in answer.lowercased().unicodeScalars where !isPunctuation(scalar) {
      if isOfWord(scalar) {
        word.append(scalar)
      } else {
        end()
        runs.append(isSpace(scalar) ? .space : .text(String.UnicodeScalarView([scalar])))
      }
    }
    end()
    return runs
  }

  /// Python's `string.punctuation`.
  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
    default: false
    }
  }

  /// What Python's `str.split` cuts at.
  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }

  /// What Python's `\w` matches, but the low line, which is punctuation.
  private static func isOfWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber:
      true
    default: false
    }
  }
}
