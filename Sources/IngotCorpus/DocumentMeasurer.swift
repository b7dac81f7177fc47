// SPDX-License-Identifier: Apache-2.0
// All that can be said of a document by itself: its text, whether heuristics let it pass, its digest and its signature.
// Each thread has a measurer, whose room is used again.
import IngotBytes
import IngotCore
import IngotEncodings
import IngotKernels

/// A document on its way from reading to the decision, which one thread has at a time.
final class MeasuredDocument {
  /// The document as it was read.
  let raw: RawDocument
  /// The text of a record, in UTF-8; `nil` where the raw bytes are the text.
  fileprivate(set) var recordText: String?
  /// The ruling that needs no other document.
  fileprivate(set) var ruling: Ruling?
  /// The digest of the text.
  fileprivate(set) var digest = XXH3Digest(high: 0, low: 0)
  /// The signature of the text's shingles; empty where there are no words, or none is asked for.
  fileprivate(set) var signature: [UInt32] = []

  init(_ raw: RawDocument) { self.raw = raw }
}

/// Measures documents, one at a time.
final class DocumentMeasurer {
  private let recipe: CorpusRecipe
  private let field: ExactName
  private let minHash: MinHash?
  private var words = Words()
  private var hashes: [UInt32] = []
  private var lines: [UInt64] = []

  init(_ recipe: CorpusRecipe, field: ExactName, minHash: MinHash?) {
    (self.recipe, self.field, self.minHash) = (recipe, field, minHash)
  }

  /// Measures a document.
  ///
  /// - Parameters:
  ///   - document: gets what was found.
  ///   - bytes: the batch.
  /// - Throws: ``IngotError/malformed(_:at:found:expected:)`` for a record that is none.
  func measure(_ document: MeasuredDocument, in bytes: [UInt8]) throws(IngotError) {
    let raw = document.raw
    guard raw.source.form == .jsonLines else {
      bytes.withUnsafeBufferPointer { judge(document, UnsafeBufferPointer(rebasing: $0[raw.range])) }
      return
    }
    let text = try RecordText.text(
      in: bytes, raw.recordRange(in: bytes), field: field, at: raw.source.location(raw.number))
    guard var text else {
      document.ruling = Ruling(.notUTF8)
      return
    }
    text.withUTF8 { judge(document, $0) }
    document.recordText = text
  }

  private func judge(_ document: MeasuredDocument, _ text: UnsafeBufferPointer<UInt8>) {
    document.ruling = ruling(text, isRecord: document.raw.source.form == .jsonLines)
    guard document.ruling == nil else { return }
    document.digest = XXH3.digest(of: UnsafeRawBufferPointer(text))
    guard let minHash, let near = recipe.nearDuplicates, words.count > 0 else { return }
    let (words, length) = (words, near.shingleWords)
    words.bytes.withUnsafeBytes { bytes in
      near.hash.hash(
        bytes, pieces: words.shingleCount(of: length), range: { words.shingle($0, of: length) },
        into: &hashes)
    }
    document.signature = minHash.signature(of: hashes)
  }

  /// The first heuristic that a text does not pass.
  private func ruling(_ text: UnsafeBufferPointer<UInt8>, isRecord: Bool) -> Ruling? {
    // A record's strings were looked at when it was read.
    guard isRecord || String(validating: text, as: UTF8.self) != nil else { return Ruling(.notUTF8) }
    words.take(text)
    if words.count < recipe.minimumWords { return Ruling(.tooShort, measure: Double(words.count)) }
    if words.count > recipe.maximumWords { return Ruling(.tooLong, measure: Double(words.count)) }
    if recipe.minimumLetterShare > 0 {
      let share = TextMeasures.letterShare(text)
      if share < recipe.minimumLetterShare { return Ruling(.fewLetters, measure: share) }
    }
    if recipe.maximumRepeatedShare < 1 {
      let share = TextMeasures.repeatedShare(text, &lines)
      if share > recipe.maximumRepeatedShare { return Ruling(.repeatedLines, measure: share) }
    }
    if recipe.maximumMarkupShare < 1 {
      let share = TextMeasures.markupShare(text)
      if share > recipe.maximumMarkupShare { return Ruling(.markup, measure: share) }
    }
    return nil
  }
}

extension RawDocument {
  /// A record without white space around it, and without a byte order mark at its file's start.
  func recordRange(in bytes: [UInt8]) -> Range<Int> {
    var range = range
    if number == 1, bytes[range].starts(with: [0xEF, 0xBB, 0xBF]) {
      range = range.lowerBound + 3..<range.upperBound
    }
    while let first = bytes[range].first, isSpace(first) { range = range.lowerBound + 1..<range.upperBound }
    while let last = bytes[range].last, isSpace(last) { range = range.lowerBound..<range.upperBound - 1 }
    return range
  }
}
