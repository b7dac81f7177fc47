// SPDX-License-Identifier: Apache-2.0
// Mixtures of experts: each token's choice, which blocks have them, and what contradicts.
import Foundation
import IngotCore
import IngotGraph
import Testing

@Suite struct ExpertGraphTests {
  static func experts(_ chosen: Int, _ shares: Experts.Shares) -> Experts {
    Experts(
      expertCount: 4, chosenCount: chosen, shares: shares, gate: .plain(.silu), weightLayout: .outIn,
      hasBias: false)
  }

  @Test func `the experts of a token are those of the highest scores, with shares of all or of these`() {
    let scores = [0.5, 2.0, -1.0, 1.5]
    let powers = scores.map { exp($0) }
    let ofAll = Self.experts(2, .ofAll).chosen(scores)
    #expect(ofAll.map(\.expert) == [1, 3])
    for (expert, share) in ofAll {
      #expect(abs(share - powers[expert] / powers.reduce(0, +)) < 1e-15)
    }
    let ofChosen = Self.experts(2, .ofChosen).chosen(scores)
    #expect(ofChosen.map(\.expert) == [1, 3])
    for (expert, share) in ofChosen { #expect(abs(share - powers[expert] / (powers[1] + powers[3])) < 1e-15) }
    #expect(abs(Self.experts(4, .ofAll).chosen(scores).reduce(0) { $0 + $1.share } - 1) < 1e-15)
  }

  @Test func `of equal scores the first expert's is better, and NaN comes to light`() {
    #expect(Self.experts(2, .ofChosen).chosen([1, 1, 1, 1]).map(\.expert) == [0, 1])
    let broken = Self.experts(1, .ofChosen).chosen([1, 2, .nan, 3])
    #expect(broken.map(\.expert) == [2] && broken[0].share.isNaN)
  }

  @Test func `blocks have experts by their period, but for those that are listed`() {
    var config = Architecture.qwen3MoE.defaults.with(.blockCount, 6)
    #expect((0..<6).allSatisfy(config.hasExperts))
    config[.expertPeriod] = 2
    config[.plainBlocks] = [3, 99]
    #expect((0..<6).map(config.hasExperts) == [false, true, false, false, false, true])
    config[.expertCount] = 0
    #expect(!(0..<6).contains(where: config.hasExperts))
  }

  @Test func `shapes of experts that contradict each other are conflicts`() throws {
    func conflict(_ experts: Experts, _ shapes: [Shape], scores: Int = 4) -> ShapeConflict? {
      do throws(ShapeConflict) {
        _ = try experts.outputType(of: [.activations(8), .activations(scores)], parameters: shapes)
        return nil
      } catch {
        return error
      }
    }
    let sound: [Shape] = (0..<4).flatMap { _ -> [Shape] in [[6, 8], [6, 8], [8, 6]] }
    #expect(conflict(Self.experts(2, .ofAll), sound) == nil)
    #expect(conflict(Self.experts(5, .ofAll), sound) != nil)
    #expect(conflict(Self.experts(2, .ofAll), sound, scores: 3) != nil)
    #expect(conflict(Self.experts(2, .ofAll), Array(sound.dropLast())) != nil)
    for index in sound.indices {
      var shapes = sound
      shapes[index] = [7, 7]
      #expect(conflict(Self.experts(2, .ofAll), shapes) != nil, "\(index)")
    }
  }
}
