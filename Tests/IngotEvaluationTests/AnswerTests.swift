// SPDX-License-Identifier: Apache-2.0
// F1 beside SQuAD's script, and intervals beside the roots of the equation that defines them.
import Foundation
import IngotEvaluation
import IngotTestSupport
import Testing

@Suite struct AnswerTests {
  private struct Expected: Decodable {
    let f1: [Pair]
    let intervals: [[Double]]
  }

  private struct Pair: Decodable {
    let answer, expected: String
    let value: Double

    init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      answer = try values.decode(String.self)
      expected = try values.decode(String.self)
      value = try values.decode(Double.self)
    }
  }

  private static func expected() throws -> Expected {
    try JSONDecoder().decode(Expected.self, from: Data(try Fixture.bytes("zero-shot/expected.json")))
  }

  @Test func `words in common are counted as SQuAD's script counts them`() throws {
    let pairs = try Self.expected().f1
    #expect(pairs.count > 15)
    for pair in pairs {
      let found = AnswerWords(pair.answer).f1(AnswerWords(pair.expected))
      #expect(abs(found - pair.value) < 1e-12, "\(pair.answer), \(pair.expected): \(found)")
    }
  }

  @Test func `intervals are where the share is 1.96 standard errors away`() throws {
    let cases = try Self.expected().intervals
    #expect(cases.count == 7)
    for values in cases {
      var share = Proportion()
      for trial in 0..<Int(values[1]) { share.add(trial < Int(values[0])) }
      #expect(abs(share.interval.lowerBound - values[2]) < 1e-9, "\(values)")
      #expect(abs(share.interval.upperBound - values[3]) < 1e-9, "\(values)")
    }
    #expect(Proportion().share.isNaN && Proportion().interval == 0...1)
  }
}
