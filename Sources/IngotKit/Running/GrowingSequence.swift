// SPDX-License-Identifier: Apache-2.0
// A sequence of tokens that grows: what is kept of it between runs, and the scores behind it.
import IngotEvaluation
import IngotRuntime

/// What a runner keeps of a sequence: keys and values of its tokens.
package final class GrowingSequence {
  let float: KeyValueCache?
  let double: ReferenceCache?
  /// Memory that each run writes to.
  var outputs: [String: RunOutput<Float>] = [:]

  init(float: KeyValueCache?, double: ReferenceCache?) {
    self.float = float
    self.double = double
  }

  /// Tokens that it holds.
  var tokenCount: Int { float?.tokenCount ?? double?.tokenCount ?? 0 }

  /// Forgets what comes behind some tokens.
  func truncate(to count: Int) {
    float?.truncate(to: count)
    double?.truncate(to: count)
  }
}

/// Scores of the next token, `[V]`, in the precision they were computed in.
package enum NextScores: Sendable {
  case float([Float])
  case double([Double])

  /// Scores of several tokens, `[T, V]`, token by token.
  func rows(_ count: Int) -> [NextScores] {
    func cut<Score>(_ scores: [Score]) -> [[Score]] {
      let width = scores.count / max(1, count)
      return (0..<count).map { Array(scores[($0 * width)..<(($0 + 1) * width)]) }
    }
    return switch self {
    case .float(let scores): cut(scores).map { .float($0) }
    case .double(let scores): cut(scores).map { .double($0) }
    }
  }

  /// The scores as a distribution.
  package var probabilities: LogProbabilities {
    switch self {
    case .float(let scores): LogProbabilities(scores)
    case .double(let scores): LogProbabilities(scores)
    }
  }

  /// The token that a sampler chooses; `nil` for scores that hold NaN.
  package func token(by sampler: inout TokenSampler) -> Int? {
    switch self {
    case .float(let scores): sampler.next(scores)
    case .double(let scores): sampler.next(scores)
    }
  }
}
