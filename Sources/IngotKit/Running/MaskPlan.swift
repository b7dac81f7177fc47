// SPDX-License-Identifier: Apache-2.0
// Runs that score each token by all around it: a copy of its window for each, in which it alone is hidden by the mask.
// Salazar et al., "Masked Language Model Scoring", 2020, section 2.
import IngotRuntime

/// What is put around windows and in the place of tokens.
struct Masking {
  /// The mask's id.
  var mask: Int
  /// Ids before each window.
  var before: [Int] = []
  /// Ids behind each window.
  var behind: [Int] = []
  /// Whether a token is a mark, which is not scored.
  var isMark: (Int) -> Bool

  /// The tokens of a sequence without what is put around each of its windows anyway.
  func body(of ids: [Int]) -> Range<Int> {
    guard ids.count >= before.count + behind.count, ids.starts(with: before),
      ids.suffix(behind.count).elementsEqual(behind)
    else { return ids.indices }
    return before.count..<(ids.count - behind.count)
  }
}

/// Runs that score tokens by all around them.
struct MaskPlan: ScoringPlan {
  private let ids: [Int]
  private let masking: Masking
  /// Places of tokens that are scored.
  let scored: [Int]
  /// The window of each batch, and those of ``scored`` that it has copies for.
  private let batches: [(window: Range<Int>, copies: Range<Int>)]

  /// Plans the runs.
  ///
  /// - Parameters:
  ///   - ids: the text.
  ///   - body: those of them that windows are cut from.
  ///   - masking: the marks.
  ///   - context: tokens that the model takes, more than marks.
  ///   - bounds: how much is run at once.
  init(ids: [Int], body: Range<Int>, masking: Masking, context: Int, bounds: BatchBounds) {
    (self.ids, self.masking) = (ids, masking)
    let markCount = masking.before.count + masking.behind.count
    let length = max(1, context - markCount)
    var (scored, batches) = ([Int](), [(window: Range<Int>, copies: Range<Int>)]())
    for start in stride(from: body.lowerBound, to: body.upperBound, by: length) {
      let window = start..<min(body.upperBound, start + length)
      var first = scored.count
      scored += window.filter { !masking.isMark(ids[$0]) }
      let step = bounds.rowCount(tokensEach: window.count + markCount)
      while first < scored.count {
        let copies = first..<min(scored.count, first + step)
        batches.append((window, copies))
        first = copies.upperBound
      }
    }
    (self.scored, self.batches) = (scored, batches)
  }

  var batchCount: Int { batches.count }

  func batch(_ index: Int) -> ScoringBatch {
    let (window, copies) = batches[index]
    let row = masking.before + ids[window] + masking.behind
    let last = row.count - 1
    var (tokens, positions) = ([Int](), [Int]())
    for place in scored[copies].map({ $0 - window.lowerBound + masking.before.count }) {
      var (copy, order) = (row, Array(row.indices))
      copy[place] = masking.mask
      // The order of tokens is in their positions alone: the masked one goes last, whose logits can be had without the others'.
      copy.swapAt(place, last)
      order.swapAt(place, last)
      tokens += copy
      positions += order
    }
    var request = RunRequest(batchCount: copies.count, tokenCount: row.count, ids: tokens)
    request.positions = positions
    request.lastLogitsOnly = true
    let rows = scored[copies].enumerated().map { (row: $0.offset, index: $0.element) }
    return ScoringBatch(
      runs: [ScoringRun(request: request, scored: rows)], rowCount: copies.count, tokenCount: row.count)
  }
}
