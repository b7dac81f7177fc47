// SPDX-License-Identifier: Apache-2.0
// Scales of weights against NumPy, by channel, by tensor, for any number of threads.
import Foundation
import IngotBytes
import IngotCore
import IngotQuantization
import IngotTestSupport
import IngotTransforms
import Testing

@Suite struct ScaleSearchTests {
  private static func weight(_ name: String, _ values: [Float], _ shape: Shape, axis: Int?)
    -> ScaleSearch.Weight
  {
    var bytes: [UInt8] = []
    for value in values { bytes.appendLittle(value.bitPattern) }
    return ScaleSearch.Weight(
      name: name, values: .literal(.f32, shape, bytes), axis: axis, byteCount: bytes.count)
  }

  @Test(arguments: [1, 3])
  func `a channel's scale is its largest magnitude over 127`(jobs: Int) throws {
    let answer = try PythonPeer.run(
      code: """
        import json, numpy
        values = numpy.random.default_rng(11).standard_normal((6, 5)).astype(numpy.float32)
        values[2] = 0
        peaks = [numpy.abs(values).max(axis) for axis in (1, 0, None)]
        scales = [numpy.atleast_1d(peak / numpy.float32(127)) for peak in peaks]
        show = lambda array: array.view(numpy.uint32).reshape(-1).tolist()
        print(json.dumps([show(values)] + [show(scale) for scale in scales]))
        """, [])
    let bits = try JSONDecoder().decode([[UInt32]].self, from: Data(answer.standardOutput.utf8))
    let values = bits[0].map(Float.init(bitPattern:))
    var work = WorkOptions()
    work.jobs = jobs
    let search = ScaleSearch(files: SourceFiles([]), path: "m", work: work)
    let found = try search.scales(
      of: [0, 1, nil].map { Self.weight("w", values, [6, 5], axis: $0) }, progress: nil)
    for (scales, expected) in zip(found, bits.dropFirst()) {
      // A channel of zeros has a scale that gives zeros, whatever it is.
      for (scale, bits) in zip(scales, expected) where bits != 0 { #expect(scale.bitPattern == bits) }
      #expect(scales.count == expected.count)
      #expect(scales.allSatisfy { $0.isFinite && $0 >= 0 })
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func `a weight that is not finite has no scales, and is named`(_ value: Float) throws {
    let search = ScaleSearch(files: SourceFiles([]), path: "m", work: WorkOptions())
    let weights = [
      Self.weight("sound", [1, 2], [2], axis: nil), Self.weight("broken", [1, value], [2], axis: 0),
    ]
    let error = #expect(throws: IngotError.self) { try search.scales(of: weights, progress: nil) }
    guard case .unsuitable(let place, _, _) = error else { throw try #require(error) }
    #expect(place.tensor == "broken")
  }
}
