// SPDX-License-Identifier: Apache-2.0
// How far one model's expectations are from another's: what quantizing or casting costs, measured on tokens.
import IngotCore

/// The divergence of a model from a baseline, token by token.
public struct ModelDivergence: Sendable {
  private var divergences: [Double] = []
  private var agreementCount = 0
  /// Whether a position had a likeliest token on each side.
  private var hasLikeliest = true

  /// Makes the divergence over no tokens.
  package init() {}

  /// Adds the position of a token that was scored by both.
  package mutating func add(_ score: TokenScore) {
    guard let divergence = score.divergence else { return }
    divergences.append(divergence)
    guard let isSame = score.isSameLikeliest else {
      hasLikeliest = false
      return
    }
    if isSame { agreementCount += 1 }
  }

  /// Positions compared.
  public var tokenCount: Int { divergences.count }

  /// The mean of `KL(baseline ‖ candidate)`, in nats a token; NaN for no position, or where one has NaN.
  public var mean: Double {
    divergences.isEmpty ? .nan : divergences.reduce(0, +) / Double(divergences.count)
  }

  /// The smallest value that 99 of 100 positions do not exceed; NaN as the mean is.
  public var percentile99: Double { quantile(0.99) }

  /// The smallest value that half of the positions do not exceed; NaN as the mean is.
  public var median: Double { quantile(0.5) }

  /// The largest value; NaN as the mean is.
  public var largest: Double { quantile(1) }

  /// The smallest value that a share of the positions does not exceed.
  private func quantile(_ share: Double) -> Double {
    guard !mean.isNaN else { return .nan }
    let sorted = divergences.sorted()
    let rank = (Double(sorted.count) * share).rounded(.up)
    return sorted[max(0, min(sorted.count, Int(rank)) - 1)]
  }

  /// The share of positions at which both find the same token likeliest; NaN where there is no likeliest one.
  public var top1Agreement: Double {
    divergences.isEmpty || !hasLikeliest ? .nan : Double(agreementCount) / Double(divergences.count)
  }
}
