// SPDX-License-Identifier: Apache-2.0
// How fast the pairs of a rotary embedding turn, by every rule that published configs have: from the numbers of a config
// to one frequency a pair. huggingface/transformers: src/transformers/modeling_rope_utils.py.
import Glibc
import IngotCore

/// The numbers of a rotary embedding, as a config has them.
package struct RotaryParameters: Hashable, Sendable {
  /// θ, what the slowest pair's frequency is a power of.
  package var base: Double
  /// How contexts beyond those of the first training are reached.
  package var scaling: RotaryScaling
  /// The share of a head's numbers that are turned, the first ones.
  package var share: Double

  /// Makes parameters.
  package init(base: Double, scaling: RotaryScaling = .none, share: Double = 1) {
    self.base = base
    self.scaling = scaling
    self.share = share
  }

  /// How many of a head's numbers are turned.
  ///
  /// - Parameter headDimension: E.
  /// - Returns: E times the share, rounded down as transformers does.
  package func turnedCount(of headDimension: Int) -> Int {
    // Shares are above 0 and at most 1.
    Int(Double(headDimension) * min(max(share, 0), 1))
  }
}

/// How contexts beyond those of the first training are reached.
package enum RotaryScaling: Hashable, Sendable {
  /// Not at all.
  case none
  /// All positions are divided by a factor. Chen et al., "Extending Context Window of Large Language Models via Positional
  /// Interpolation", 2023.
  case linear(factor: Double)
  /// The base grows with the text, beyond the config's number of positions.
  case dynamic(factor: Double)
  /// Slow pairs are divided by a factor, fast ones stay. Meta's Llama 3.1.
  case llama3(factor: Double, low: Double, high: Double, original: Int)
  /// The same by a ramp over the pairs. Peng et al., "YaRN", 2023.
  case yarn(YarnScaling)
  /// A factor a pair, other ones for long texts. Ding et al., "LongRoPE", 2024.
  case longrope(LongropeScaling)
  /// A divisor a pair, which a file has and no config explains.
  case divisors([Double])

  /// The name that configs call it by.
  package var name: String {
    switch self {
    case .none: "default"
    case .linear: "linear"
    case .dynamic: "dynamic"
    case .llama3: "llama3"
    case .yarn: "yarn"
    case .longrope: "longrope"
    case .divisors: "divisors"
    }
  }
}

/// The numbers of YaRN.
package struct YarnScaling: Hashable, Sendable {
  /// By how much contexts grow; `nil` for the config's positions by ``original``.
  package var factor: Double?
  /// Positions of the first training.
  package var original: Int
  /// Turns over the first training's context above which a pair stays as it is.
  package var fast = 32.0
  /// Turns below which a pair is divided by the factor.
  package var slow = 1.0
  /// Whether the ramp's ends are whole pairs.
  package var truncates = true
  /// What cosine and sine are multiplied with; `nil` for a formula of the factor.
  package var attentionFactor: Double?
  /// The formula's weights, where both are given.
  package var mscale: Double?
  /// See ``mscale``.
  package var mscaleAllDimensions: Double?

  /// What cosine and sine are multiplied with, where nothing else is said: the paper's equation 22.
  ///
  /// - Parameters:
  ///   - factor: by how much contexts grow.
  ///   - weight: of the logarithm.
  /// - Returns: 1 for contexts that do not grow.
  package static func magnitude(factor: Double, weight: Double = 1) -> Double {
    factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1
  }

  /// Makes YaRN's numbers; the others have the paper's values.
  package init(factor: Double?, original: Int) {
    self.factor = factor
    self.original = original
  }
}

/// The numbers of LongRoPE.
package struct LongropeScaling: Hashable, Sendable {
  /// Divisors for texts of at most ``original`` tokens, one a pair.
  package var short: [Double]
  /// Divisors for longer ones.
  package var long: [Double]
  /// Positions of the first training.
  package var original: Int
  /// By how much contexts grow; `nil` for the config's positions by ``original``.
  package var factor: Double?
  /// What cosine and sine are multiplied with; `nil` for a formula of the factor.
  package var attentionFactor: Double?

  /// Makes LongRoPE's numbers.
  package init(
    short: [Double], long: [Double], original: Int, factor: Double? = nil, attentionFactor: Double? = nil
  ) {
    self.short = short
    self.long = long
    self.original = original
    self.factor = factor
    self.attentionFactor = attentionFactor
  }
}

/// How fast each pair of a rotary embedding turns.
package struct RotarySchedule: Hashable, Sendable {
  /// The numbers it is made of.
  package let parameters: RotaryParameters
  /// d / 2.
  package let pairCount: Int
  /// The config's number of positions.
  package let positionCount: Int

  /// Makes a schedule.
  package init(_ parameters: RotaryParameters, pairCount: Int, positionCount: Int) {
    self.parameters = parameters
    self.pairCount = pairCount
    self.positionCount = positionCount
  }

  /// Whether frequencies are others in longer texts.
  package var dependsOnLength: Bool {
    switch parameters.scaling {
    case .dynamic, .longrope: true
    case .none, .linear, .llama3, .yarn, .divisors: false
    }
  }

  /// What the position is multiplied with, a number a pair.
  ///
  /// - Parameter length: the greatest position of a run and 1. As in transformers it is that of the whole run, also for its
  ///   first tokens, and keys of earlier runs stay as they were turned.
  /// - Returns: `[pairCount]`, in radians.
  package func frequencies(length: Int) -> [Double] {
    let plain = frequencies(base: parameters.base)
    switch parameters.scaling {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / factor }
    case .dynamic(let factor):
      let (positions, dimensions) = (Double(positionCount), Double(2 * pairCount))
      let growth = factor * Double(max(length, positionCount)) / positions - (factor - 1)
      return frequencies(base: parameters.base * pow(growth, dimensions / (dimensions - 2)))
    case .llama3(let factor, let low, let high, let original):
      return plain.map { Self.llama3($0, factor, low, high, Double(original)) }
    case .yarn(let yarn): return zip(plain, ramp(of: yarn)).map { $0 / factor(of: yarn) * $1 + $0 * (1 - $1) }
    case .longrope(let longrope):
      return zip(plain, length > longrope.original ? longrope.long : longrope.short).map { $0 / $1 }
    case .divisors(let divisors): return zip(plain, divisors).map { $0 / $1 }
    }
  }

  /// What cosine and sine are multiplied with.
  package var attentionFactor: Double {
    switch parameters.scaling {
    case .none, .linear, .dynamic, .llama3, .divisors: return 1
    case .yarn(let yarn):
      if let given = yarn.attentionFactor { return given }
      func magnitude(_ weight: Double) -> Double {
        YarnScaling.magnitude(factor: factor(of: yarn), weight: weight)
      }
      guard let mscale = yarn.mscale, let all = yarn.mscaleAllDimensions, mscale != 0, all != 0 else {
        return magnitude(1)
      }
      return magnitude(mscale) / magnitude(all)
    case .longrope(let longrope):
      if let given = longrope.attentionFactor { return given }
      let factor = longrope.factor ?? Double(positionCount) / Double(longrope.original)
      return factor <= 1 ? 1 : (1 + log(factor) / log(Double(longrope.original))).squareRoot()
    }
  }

  /// Every pair's divisor against no scaling at all; `nil` where no numbers alone say it.
  ///
  /// - Returns: `[pairCount]`.
  package var divisors: [Double]? {
    switch parameters.scaling {
    case .llama3(let factor, let low, let high, let original):
      // As llama.cpp's converter makes them, so that both are the same to the last bit of F32.
      frequencies(base: parameters.base).map { frequency in
        let wavelength = 2 * Double.pi / frequency
        if wavelength < Double(original) / high { return 1 }
        if wavelength > Double(original) / low { return factor }
        let share = (Double(original) / wavelength - low) / (high - low)
        return 1 / ((1 - share) / factor + share)
      }
    case .divisors(let divisors): divisors
    case .none, .linear, .dynamic, .yarn, .longrope: nil
    }
  }

  private func frequencies(base: Double) -> [Double] {
    (0..<pairCount).map { pow(base, -Double($0) / Double(pairCount)) }
  }

  private static func llama3(
    _ frequency: Double, _ factor: Double, _ low: Double, _ high: Double, _ original: Double
  ) -> Double {
    let wavelength = 2 * Double.pi / frequency
    if wavelength > original / low { return frequency / factor }
    if wavelength < original / high { return frequency }
    let share = (original / wavelength - low) / (high - low)
    return (1 - share) * frequency / factor + share * frequency
  }

  /// By how much YaRN lets contexts grow.
  package func factor(of yarn: YarnScaling) -> Double {
    yarn.factor ?? Double(positionCount) / Double(yarn.original)
  }

  /// How much of each pair is divided by the factor, from 0 to 1.
  private func ramp(of yarn: YarnScaling) -> [Double] {
    let dimensions = Double(2 * pairCount)
    func pair(turning turns: Double) -> Double {
      dimensions * log(Double(yarn.original) / (turns * 2 * .pi)) / (2 * log(parameters.base))
    }
    var (first, last) = (pair(turning: yarn.fast), pair(turning: yarn.slow))
    if yarn.truncates { (first, last) = (first.rounded(.down), last.rounded(.up)) }
    (first, last) = (max(first, 0), min(last, dimensions - 1))
    if first == last { last += 0.001 }
    return (0..<pairCount).map { min(max((Double($0) - first) / (last - first), 0), 1) }
  }
}
