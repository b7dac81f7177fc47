// SPDX-License-Identifier: Apache-2.0
// Figures of a comparison against numpy's, with numbers that are none in every place.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct OutputComparisonTests {
  private struct Case: Decodable {
    let actual: [String]
    let expected: [String]
    let maxAbs: String
    let maxRel: String
    let rmsRel: String
    let top1: String
    let passes: [Bool]
  }

  private static let tolerances = [0, 1e-6, 1e300, .infinity]

  /// Rows of four with NaN and infinities, and what plain numpy makes of them, where NaN stays NaN.
  private static let script = """
    import json
    import numpy as np
    r = np.random.default_rng(4)
    nan, inf = np.nan, np.inf
    plain = r.standard_normal(12)
    one = plain.copy()
    one[7] += 3e-6 * np.abs(plain).max()
    cases = [(plain, plain), (plain, plain + 1e-3), (plain * 0, plain * 0), (plain, plain * 0), (one, plain)]
    for place in (0, 5, 11):
        for value in (nan, inf, -inf):
            broken = plain.copy()
            broken[place] = value
            cases += [(broken, plain), (plain, broken), (broken, broken), (broken, -broken)]
    np.seterr(all="ignore")
    def text(x): return "nan" if np.isnan(x) else repr(float(x))
    report = []
    for a, e in cases:
        difference = np.where(a == e, 0, np.abs(a - e))
        largest, scale = difference.max(), np.abs(e).max()
        relative = (largest if largest == 0 or np.isnan(largest) else inf) if scale == 0 else largest / scale
        rms = 0.0 if largest == 0 else np.sqrt((difference ** 2).sum() / (e ** 2).sum())
        rows = [(x, y) for x, y in zip(a.reshape(3, 4), e.reshape(3, 4))]
        top = np.mean([nan if np.isnan(x).any() or np.isnan(y).any() else float(x.argmax() == y.argmax()) for x, y in rows])
        report.append({"actual": [text(x) for x in a], "expected": [text(x) for x in e], "maxAbs": text(largest),
                       "maxRel": text(relative), "rmsRel": text(rms), "top1": text(top),
                       "passes": [bool((largest if scale == 0 else relative) <= t) for t in (0, 1e-6, 1e300, inf)]})
    print(json.dumps(report))
    """

  private func isNear(_ value: Double, _ text: String) -> Bool {
    guard let expected = Double(text) else { return false }
    if expected.isNaN { return value.isNaN }
    return value == expected || (value - expected).magnitude <= 1e-14 * expected.magnitude
  }

  @Test func `figures are numpy's, and NaN passes no tolerance`() throws {
    let output = try PythonPeer.run(code: Self.script).outputBytes
    let cases = try JSONDecoder().decode([Case].self, from: Data(output))
    #expect(cases.count == 41)
    for item in cases {
      let (actual, expected) = (
        item.actual.compactMap { Double($0) }, item.expected.compactMap { Double($0) }
      )
      for (tolerance, passes) in zip(Self.tolerances, item.passes) {
        let result = OutputComparison(
          name: "logits", actual: actual, expected: expected, rowElementCount: 4, isCounted: { _ in true },
          comparesTop1: true, tolerance: tolerance)
        let top1 = try #require(result.top1Agreement)
        #expect(isNear(result.maxAbs, item.maxAbs) && isNear(result.maxRel, item.maxRel), "\(item)")
        #expect(isNear(result.rmsRel, item.rmsRel) && isNear(top1, item.top1), "\(item)")
        #expect(result.passed == passes, "\(item) within \(tolerance)")
      }
    }
  }

  @Test func `what compares nothing passes nothing`() {
    for count in [0, 8] {
      let values = [Double](repeating: 1, count: count)
      let result = OutputComparison(
        name: "logits", actual: values, expected: values, rowElementCount: 4, isCounted: { _ in false },
        comparesTop1: true, tolerance: .infinity)
      #expect(!result.passed && result.maxAbs.isNaN && result.top1Agreement == nil)
    }
  }
}
