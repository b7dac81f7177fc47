// SPDX-License-Identifier: Apache-2.0
// Two models' losses on the same tokens: how far their perplexities are apart, and how certain that is.
import CIngotKernels
import IngotCore

/// The losses of a model and of a baseline, token by token.
public struct PairedLosses: Sendable {
  /// Sums over tokens of the losses, their squares, and their products.
  private var count = 0
  private var sums = (model: 0.0, baseline: 0.0)
  private var squares = (model: 0.0, baseline: 0.0)
  private var products = 0.0

  /// Makes the losses of no tokens.
  package init() {}

  /// Adds a token.
  ///
  /// - Parameters:
  ///   - model: its `−log p` by the model, in nats.
  ///   - baseline: its `−log p` by the baseline.
  package mutating func add(model: Double, baseline: Double) {
    count += 1
    sums.model += model
    sums.baseline += baseline
    squares.model += model * model
    squares.baseline += baseline * baseline
    products += model * baseline
  }

  /// The model's perplexity less the baseline's.
  public var perplexityDifference: Double { perplexities.model - perplexities.baseline }

  /// The standard error of ``perplexityDifference``, tokens taken as independent draws.
  ///
  /// By the delta method: `Var(a − b) = a² Var(x) + b² Var(y) − 2ab Cov(x, y)` for perplexities `a = exp x`, `b = exp y` of
  /// mean losses x and y; as llama.cpp's perplexity tool has it. NaN for fewer than two tokens.
  public var standardError: Double {
    guard count > 1 else { return .nan }
    let n = Double(count)
    let (x, y) = (sums.model / n, sums.baseline / n)
    func spread(_ sum: Double, _ mean: Double, _ other: Double) -> Double {
      (sum / n - mean * other) / (n - 1)
    }
    let (a, b) = perplexities
    let variance =
      a * a * spread(squares.model, x, x) + b * b * spread(squares.baseline, y, y)
      - 2 * a * b * spread(products, x, y)
    // Rounding may leave less than nothing; a NaN stays.
    return variance < 0 ? 0 : variance.squareRoot()
  }

  private var perplexities: (model: Double, baseline: Double) {
    (ingot_exp(sums.model / Double(count)), ingot_exp(sums.baseline / Double(count)))
  }
}
