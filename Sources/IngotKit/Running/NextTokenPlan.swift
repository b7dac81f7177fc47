// SPDX-License-Identifier: Apache-2.0
// Runs that score each token by those before it in its window: windows of one shape together, and logits of no more
// tokens than are scored, where that saves work.
import IngotRuntime

/// Runs that score tokens by those before them.
package struct NextTokenPlan: ScoringPlan {
  private let ids: [Int]
  private let windows: [EvaluationWindows.Window]
  private let bounds: BatchBounds
  /// Windows of each batch, all of one shape.
  private let groups: [Range<Int>]

  /// Tokens that score nothing are run by themselves where there are so many: a pass over fewer costs more than their logits.
  private static let leastUnscored = 64

  /// Plans the runs.
  ///
  /// - Parameters:
  ///   - ids: the text.
  ///   - windows: how it is cut.
  ///   - bounds: how much is run at once.
  package init(ids: [Int], windows: [EvaluationWindows.Window], bounds: BatchBounds) {
    (self.ids, self.windows, self.bounds) = (ids, windows, bounds)
    var groups: [Range<Int>] = []
    for (index, window) in windows.enumerated() {
      if let group = groups.last, windows[group.lowerBound].hasShape(of: window),
        group.count < bounds.rowCount(tokensEach: window.inputs.count)
      {
        groups[groups.count - 1] = group.lowerBound..<(index + 1)
      } else {
        groups.append(index..<(index + 1))
      }
    }
    self.groups = groups
  }

  package var batchCount: Int { groups.count }

  package func batch(_ index: Int) -> ScoringBatch {
    let rows = windows[groups[index]]
    guard let first = rows.first else { return ScoringBatch(runs: [], rowCount: 0, tokenCount: 0) }
    let (count, scoredCount) = (first.inputs.count, first.scored.count)
    var batch = ScoringBatch(runs: [], rowCount: rows.count, tokenCount: count)
    if scoredCount == 1 {
      batch.runs = [run(rows, 0..<count, lastOnly: true)]
      return batch
    }
    var start = 0
    let unscoredCount = count - scoredCount
    if unscoredCount * rows.count >= Self.leastUnscored {
      batch.runs.append(run(rows, 0..<unscoredCount, lastOnly: true))
      start = unscoredCount
    }
    let step = max(1, bounds.logitRowCount / rows.count)
    for part in stride(from: start, to: count, by: step) {
      batch.runs.append(run(rows, part..<min(count, part + step), lastOnly: false))
    }
    return batch
  }

  /// A run over a stretch of every window.
  private func run(
    _ rows: ArraySlice<EvaluationWindows.Window>, _ part: Range<Int>, lastOnly: Bool
  ) -> ScoringRun {
    var tokens: [Int] = []
    var scored: [(row: Int, index: Int)] = []
    let wanted = lastOnly ? (part.upperBound - 1)..<part.upperBound : part
    for (row, window) in rows.enumerated() {
      let start = window.inputs.lowerBound
      tokens += ids[(start + part.lowerBound)..<(start + part.upperBound)]
      // The logits of a token are about the next one.
      for place in wanted where window.scored.contains(start + place + 1) {
        scored.append((row * wanted.count + place - wanted.lowerBound, start + place + 1))
      }
    }
    var request = RunRequest(batchCount: rows.count, tokenCount: part.count, ids: tokens)
    request.lastLogitsOnly = lastOnly
    return ScoringRun(request: request, scored: scored)
  }
}

extension EvaluationWindows.Window {
  /// Whether as many tokens go in, and as many are scored.
  fileprivate func hasShape(of other: Self) -> Bool {
    inputs.count == other.inputs.count && scored.count == other.scored.count
  }
}
