// SPDX-License-Identifier: Apache-2.0
// What the text of a report says is in its JSON too, and what was passed over is named.
import Foundation
import IngotKit
import IngotReport
import IngotTestSupport
import Testing

@Suite struct ReportKeyTests {
  @Test func `a conversion says in JSON which names it changed, and how many matrices it turned`() throws {
    let folder = try TemporaryFolder()
    func json(_ output: String) throws -> [String: Any] {
      let conversion = try Conversion(Fixture.path("models/base"), to: folder.file(output))
      let text = JSONText.conversion(conversion.report)
      return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }
    // Four matrices a block, which transformers has the other way round.
    let changed = try json("a.gguf")
    #expect(changed["names"] as? [String: String] == ["from": "hf", "to": "gguf"])
    #expect(changed["transposed"] as? Int == 8)
    #expect(try json("a.npz")["names"] == nil)
  }

  @Test func `weights that calibrating passes over are named, with what it asks for`() throws {
    let folder = try TemporaryFolder()
    var options = QuantizeOptions()
    options.scheme = .q80
    options.calibration = CalibrationOptions(Fixture.path("calibration/kjv.txt"))
    options.calibration?.tokenLimit = 256
    let report = try Ingot.quantize(
      Fixture.path("kjv-gpt2"), to: folder.file("o.ingot"), options: options)
    // Blocks of a matrix [in, out] lie along its outputs; those of the embedding, which is the head, along its inputs.
    let line = try #require(
      QuantizationText.lines(report, style: TextStyle()).first { $0.hasPrefix("rounded to nearest: ") })
    #expect(line.contains(" and 12 more: ") && !line.contains("wte"), "\(line)")
  }

  @Test(arguments: [("npz", true), ("pt", true), ("safetensors", false)])
  func `a plan says where its bytes are a bound`(_ format: String, _ isBound: Bool) throws {
    let folder = try TemporaryFolder()
    let conversion = try Conversion(Fixture.path("models/base"), to: folder.file("a.\(format)"))
    let plan = ConversionText.plan(conversion.report, style: TextStyle())
    #expect(plan.contains { $0.hasPrefix("would write at most ") } == isBound)
    #expect(try conversion.run().byteCount <= conversion.report.byteCount)
  }
}
