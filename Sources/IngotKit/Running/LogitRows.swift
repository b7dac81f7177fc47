// SPDX-License-Identifier: Apache-2.0
// Logits as a run gives them.
import IngotEvaluation

/// Rows of logits, `[rows, V]`, in the precision they were computed in.
package enum LogitRows: Sendable {
  case float([Float])
  case double([Double])

  /// A row in double precision.
  func row(_ index: Int, width: Int) -> [Double] {
    let range = (index * width)..<((index + 1) * width)
    return switch self {
    case .float(let values): values[range].map(Double.init)
    case .double(let values): Array(values[range])
    }
  }

  /// Whether all of them are numbers.
  var isFinite: Bool {
    switch self {
    case .float(let values): values.allSatisfy(\.isFinite)
    case .double(let values): values.allSatisfy(\.isFinite)
    }
  }

  /// A single row as a distribution.
  package var probabilities: LogProbabilities {
    switch self {
    case .float(let scores): LogProbabilities(scores)
    case .double(let scores): LogProbabilities(scores)
    }
  }

  /// The token that a sampler chooses by a single row; `nil` where it holds NaN.
  package func token(by sampler: inout TokenSampler) -> Int? {
    switch self {
    case .float(let scores): sampler.next(scores)
    case .double(let scores): sampler.next(scores)
    }
  }
}
