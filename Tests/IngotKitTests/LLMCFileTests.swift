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
    let names = [
      "wte", "wpe", "ln1w", "ln1b", "qkvw", "qkvb", "attprojw", "attprojb", "ln2w", "ln2b", "fcw", "fcb",
      "fcprojw", "fcprojb", "lnfw", "lnfb",
    ]
    #expect(report.outputs.map(\.name) == ["logits", "loss"] + names.map { "gradients.\($0)" })
    #expect(report.passed, "\(report.firstFailure ?? "")")
    #expect(report.findings.isEmpty)
    // llm.c's own file of the model, whose weights are the other way round, gives the same.
    let own = try Ingot.verify(Fixture.path("golden/llmc/base.bin"), options: options)
    #expect(own.passed && own.outputs.map(\.name) == report.outputs.map(\.name))
  }

  /// The state with other bytes from a number of its gradients on.
  private func state(
    changing index: Int, to values: [Float], cutTo count: Int? = nil, in folder: TemporaryFolder
  ) throws -> VerifyOptions {
    var bytes = try Fixture.bytes("llmc-state/base.bin")
    let start = 1024 + 2 * 4 * 16 + 4 * 16 * 61 + 4
    let changed = values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } }
    bytes.replaceSubrange((start + 4 * index)..<(start + 4 * index + changed.count), with: changed)
    if let count { bytes.removeLast(bytes.count - start - 4 * count) }
    try folder.write(bytes, to: "state.bin")
    var options = VerifyOptions()
    options.fixtures = folder.file("state.bin")
    return options
  }

  @Test func `a gradient that is another does not pass, nor one of padding that is not 0`() throws {
    let folder = try TemporaryFolder()
    // The first of wpe, behind 128 rows of wte; the first row of padding.
    for (index, name) in [(128 * 16, "wpe"), (61 * 16, "wte")] {
      let options = try state(changing: index, to: [1], in: folder)
      let report = try Ingot.verify(Fixture.path("models/base"), options: options)
      #expect(report.outputs.filter { !$0.passed }.map(\.name) == ["gradients.\(name)"])
      #expect(report.firstFailure == "gradients.\(name)")
    }
  }

  @Test func `a state without gradients has outputs only, and gradients of another size are refused`() throws
  {
    let folder = try TemporaryFolder()
    let none = try Ingot.verify(
      Fixture.path("models/base"), options: try state(changing: 0, to: [], cutTo: 0, in: folder))
    #expect(none.passed && none.outputs.map(\.name) == ["logits", "loss"] && none.findings.isEmpty)
    for count in [1, 128 * 16, 9000] {
      let options = try state(changing: 0, to: [], cutTo: count, in: folder)
      let error = #expect(throws: IngotError.self) {
        try Ingot.verify(Fixture.path("models/base"), options: options)
      }
      // 7952 parameters, and 67 rows of 16 that make 61 tokens 128.
      #expect(error.map { "\($0)".contains("9024") } == true)
    }
    var options = try state(changing: 0, to: [], in: folder)
    options.against = Fixture.path("golden/llmc/base.bin")
    let other = try Ingot.verify(Fixture.path("models/base"), options: options)
    #expect(other.findings.contains { $0.subject == "gradients" && $0.kind == .notUsed })
  }

  @Test func `another model does not pass`() throws {
    var options = VerifyOptions()
    options.fixtures = Fixture.path("llmc-state/base.bin")
    #expect(try Ingot.verify(Fixture.path("models/activation-relu"), options: options).passed == false)
  }
}
