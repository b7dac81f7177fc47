// SPDX-License-Identifier: Apache-2.0
// The tokenizer of a model that is about to run: opened from the model's path, and held against its vocabulary.
import IngotCore
import IngotModels
import IngotText

/// A model's tokenizer.
struct ModelTokenizer {
  let tokenizer: Tokenizer

  /// Opens the tokenizer in a checkpoint or beside it.
  ///
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` where there is none, and the errors of its files.
  init(_ path: String, _ run: RunOptions) throws(IngotError) {
    tokenizer = try TokenizerOpener(work: run.work, reading: run.reading).open(path)
  }

  /// Throws for a tokenizer whose ids a model has no embedding for.
  func requireFit(_ model: Model) throws(IngotError) {
    let (ids, rows) = (tokenizer.texts.idCount, model.recognised.graph.config.vocabularySize)
    guard ids > rows else { return }
    throw .unsuitable(
      Location(tokenizer.source), why: "has ids up to \(ids - 1), and the model \(rows, "token")", hint: nil)
  }

  /// Throws where a baseline has a tokenizer that makes other tokens of a text: figures by its own would be others.
  ///
  /// - Parameters:
  ///   - baseline: the baseline's path; one whose tokenizer is not there, or of a kind that is not read, passes.
  ///   - text: the text.
  ///   - tokens: those of this tokenizer.
  ///   - hasMarks: whether they have what is put around a text.
  ///   - run: how models are opened.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for other tokens; the errors of the baseline's tokenizer.
  func requireSame(
    as baseline: String, on text: [UInt8], _ tokens: EvaluatedTokens, hasMarks: Bool, _ run: RunOptions
  ) throws(IngotError) {
    let other: Tokenizer
    do {
      other = try TokenizerOpener(work: run.work, reading: run.reading).open(baseline)
    } catch .missing {
      return
    } catch .unsupported {
      return
    }
    let around = hasMarks ? tokenizer.postProcessor : PostProcessor()
    let own = tokens.ids.dropFirst(around.before.count).dropLast(around.behind.count)
    guard try !other.encode(text).ids.elementsEqual(own.map { UInt32(clamping: $0) }) else { return }
    throw .unsuitable(
      Location(tokenizer.source), why: "makes other tokens of the text than \(other.source)", hint: nil)
  }

  /// The ids of a text, with what is put around it.
  func ids(of text: [UInt8]) throws(IngotError) -> [Int] {
    try tokenizer.encode(text, addsSpecial: true).ids.map(Int.init)
  }

  /// The tokens of a text that goes on: what is put before it is there, what is put behind it is not.
  ///
  /// - Parameter text: the text.
  /// - Returns: ids, and where in the text's bytes each token ends; 0 for those put before it.
  /// - Throws: as ``ids(of:)``.
  func opening(of text: String) throws(IngotError) -> (ids: [Int], ends: [Int]) {
    let encoded = try tokenizer.encode(Array(text.utf8), addsSpecial: true, wantsOffsets: true)
    let count = encoded.ranges.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0
    var ends: [Int] = []
    for range in encoded.ranges.prefix(count) {
      ends.append(range.isEmpty ? ends.last ?? 0 : range.upperBound)
    }
    return (encoded.ids.prefix(count).map(Int.init), ends)
  }

  /// A text's tokens, and the stretch of the text that each stands for.
  ///
  /// - Parameters:
  ///   - text: in UTF-8.
  ///   - addsMarks: whether they have what is put around a text.
  ///   - source: where it comes from.
  /// - Returns: the tokens.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for text that the tokenizer has no tokens for.
  func tokens(of text: [UInt8], addsMarks: Bool, source: String) throws(IngotError) -> EvaluatedTokens {
    let encoded = try tokenizer.encode(
      text, name: source, addsSpecial: addsMarks, wantsOffsets: true)
    return EvaluatedTokens(ids: encoded.ids.map(Int.init), text: (text, encoded.ranges), source: source)
  }

  /// What is put around windows of tokens, and in the place of one.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a tokenizer that names no mask.
  func masking() throws(IngotError) -> Masking {
    guard let mask = tokenizer.mask else {
      throw .unsuitable(
        Location(tokenizer.source), why: "names no mask, the token that hides another", hint: nil)
    }
    return Masking(
      mask: Int(mask), before: tokenizer.postProcessor.before.map(Int.init),
      behind: tokenizer.postProcessor.behind.map(Int.init)
    ) { [tokenizer] in tokenizer.isSpecial(UInt32(clamping: $0)) }
  }

  /// The bytes that ids stand for.
  func bytes(of ids: some Collection<Int>, skipsMarks: Bool = false) throws(IngotError) -> [UInt8] {
    try tokenizer.decode(ids.map { UInt32(clamping: $0) }, skipsSpecial: skipsMarks)
  }
}
