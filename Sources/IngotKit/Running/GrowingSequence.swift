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
}

/// Scores of the next token, `[V]`, in the precision they were computed in.
package enum NextScores: Sendable {
  case float([Float])
  case double([Double])

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
