// SPDX-License-Identifier: Apache-2.0
// What becomes of a document: one decision each, the first that holds.

/// What becomes of a document.
public enum CorpusDecision: String, CaseIterable, Hashable, Sendable {
  /// It is in the output.
  case kept
  /// Its bytes are no UTF-8, or an escape is half a pair of surrogates.
  case notUTF8 = "not_utf8"
  /// It has fewer words than asked for.
  case tooShort = "too_short"
  /// It has more words than asked for.
  case tooLong = "too_long"
  /// Too few of its characters are letters.
  case fewLetters = "few_letters"
  /// Too many of its lines stand further up already.
  case repeatedLines = "repeated_lines"
  /// Too much of it is markup.
  case markup
  /// An earlier document has the same bytes.
  case exactDuplicate = "exact_duplicate"
  /// An earlier document that is kept has nearly the same words.
  case nearDuplicate = "near_duplicate"
}

/// A decision with what it was made by.
package struct Ruling: Hashable, Sendable {
  /// What becomes of the document.
  package var decision: CorpusDecision
  /// The number of the document that it repeats, from 1.
  package var original: Int?
  /// The share of equal numbers in both signatures.
  package var similarity: Double?
  /// What was measured, where that decided.
  package var measure: Double?

  /// Makes a ruling.
  package init(
    _ decision: CorpusDecision, original: Int? = nil, similarity: Double? = nil, measure: Double? = nil
  ) {
    self.decision = decision
    self.original = original
    self.similarity = similarity
    self.measure = measure
  }
}
