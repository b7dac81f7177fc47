// SPDX-License-Identifier: Apache-2.0
// llm.c's files through the verbs: written anew byte for byte, and its debug state as fixtures.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct LLMCFileTests {
  @Test(arguments: ["float32", "bfloat16", "two-blocks", "base"])
  func `a file of llm.c's goes through .ingot and comes back byte for byte`(_ stem: String) throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("golden/llmc/\(stem).bin")
    _ = try Conversion(source, to: folder.file("there.ingot"), options: ConvertOptions()).run()
    _ = try Conversion(folder.file("there.ingot"), to: folder.file("back.bin"), options: llmc).run()
    #expect(try folder.bytes("back.bin") == Fixture.bytes("golden/llmc/\(stem).bin"))
  }

  private var llmc: ConvertOptions {
    var options = ConvertOptions()
    options.format = "llmc"
    return options
  }

  @Test func `files of older versions become those that llm.c reads today`() throws {
    let folder = try TemporaryFolder()
    for stem in ["unpadded", "norms-last"] {
      let source = Fixture.path("golden/llmc/\(stem).bin")
      let report = try Conversion(source, to: folder.file(stem + ".bin"), options: llmc).run()
      #expect(report.losses.isEmpty)
      let written = try Ingot.inspect(folder.file(stem + ".bin")).checkpoint
      #expect(written.metadata["llmc.version"] == .int32(3))
      #expect(try Ingot.hash(folder.file(stem + ".bin")).model == Ingot.hash(source).model)
    }
    var options = llmc
    options.dtype = .bf16
    let source = Fixture.path("golden/llmc/float32.bin")
    _ = try Conversion(source, to: folder.file("half.bin"), options: options).run()
    #expect(try folder.bytes("half.bin") == Fixture.bytes("golden/llmc/bfloat16.bin"))
  }

  @Test(arguments: [Precision.reference, .fp32])
  func `a model is verified against a debug state of llm.c`(_ precision: Precision) throws {
    var options = VerifyOptions()
    options.fixtures = Fixture.path("llmc-state/base.bin")
    options.run.precision = precision
    let report = try Ingot.verify(Fixture.path("models/base"), options: options)
    #expect(report.outputs.map(\.name) == ["logits", "loss"])
    #expect(report.passed)
    #expect(report.findings.map(\.subject) == ["gradients"])
  }

  @Test func `another model does not pass`() throws {
    var options = VerifyOptions()
    options.fixtures = Fixture.path("llmc-state/base.bin")
    #expect(try Ingot.verify(Fixture.path("models/activation-relu"), options: options).passed == false)
  }
}
