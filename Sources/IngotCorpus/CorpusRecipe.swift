// SPDX-License-Identifier: Apache-2.0
// What is asked of documents: the numbers behind every decision, each with its default and where that comes from.
import IngotBytes
import IngotCore

/// What documents are kept: heuristics, and which of them count as the same.
///
/// A share is at most or at least a bound; the defaults of lengths and repeated lines are MassiveText's (Rae et al.,
/// "Scaling Language Models", 2021, table A1).
public struct CorpusRecipe: Hashable, Sendable {
  /// The fewest words.
  public var minimumWords = 50
  /// The most words.
  public var maximumWords = 100_000
  /// The smallest share of letters among characters that are no white space.
  public var minimumLetterShare = 0.6
  /// The largest share of lines that stand further up in the document already.
  public var maximumRepeatedShare = 0.3
  /// The largest share of bytes in tags and character references.
  public var maximumMarkupShare = 0.1
  /// How near duplicates are found; `nil` looks for exact ones alone.
  public var nearDuplicates: NearDuplicates? = NearDuplicates()

  /// Makes the default recipe.
  public init() {}

  /// Throws for numbers that mean nothing.
  ///
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)``.
  package func validate() throws(IngotError) {
    guard minimumWords >= 0 else { throw .outOfRange(.minimumWords, "a number from 0") }
    guard maximumWords >= max(1, minimumWords) else {
      throw .outOfRange(.maximumWords, "a number of at least 1, and not below the fewest words")
    }
    let shares: [(RequestOption, Double)] = [
      (.minimumLetterShare, minimumLetterShare), (.maximumRepeatedShare, maximumRepeatedShare),
      (.maximumMarkupShare, maximumMarkupShare),
    ]
    for (option, share) in shares where !(0...1).contains(share) {
      throw .outOfRange(option, "a share from 0 to 1")
    }
    try nearDuplicates?.validate()
  }
}

/// How near duplicates are found: MinHash over shingles of words, and bands of equal numbers.
public struct NearDuplicates: Hashable, Sendable {
  /// The share of common shingles from which two documents count as one.
  public var threshold = 0.8
  /// Numbers of a signature.
  public var permutations = 128
  /// Words of a shingle.
  public var shingleWords = 5
  /// What shingles are hashed with.
  public var hash = TextHash.xxh3

  /// Makes the default search.
  public init() {}

  /// Thresholds for which bands find nearly every pair and little else.
  package static let thresholds = 0.4...0.99
  /// Numbers of a signature: below, the estimate says little; above, it costs more than it tells.
  package static let permutationCounts = 16...1024
  /// Words of a shingle.
  package static let shingleLengths = 1...32

  func validate() throws(IngotError) {
    guard Self.thresholds.contains(threshold) else {
      throw .outOfRange(.threshold, "a share from 0.4 to 0.99")
    }
    guard Self.permutationCounts.contains(permutations) else {
      throw .outOfRange(.permutations, "a number from 16 to 1024")
    }
    guard Self.shingleLengths.contains(shingleWords) else {
      throw .outOfRange(.shingleWords, "a number from 1 to 32")
    }
  }
}

extension IngotError {
  /// A request out of its range.
  static func outOfRange(_ option: RequestOption, _ range: Evidence) -> IngotError {
    .invalidRequest(option: option, why: "is to be \(range)")
  }
}
