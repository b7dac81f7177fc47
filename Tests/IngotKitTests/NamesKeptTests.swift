// SPDX-License-Identifier: Apache-2.0
// A GGUF whose names and keys are not llama.cpp's says so, and why; a config that can't be read is an error.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct NamesKeptTests {
  /// A copy of a small GPT-2 with another config.
  private func model(_ config: [UInt8]?) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.copy(Fixture.path("models/base/model.safetensors"))
    if let config { try folder.write(config, to: "config.json") }
    return folder
  }

  private func convert(_ folder: TemporaryFolder, dialect: String? = nil) throws -> ConversionReport {
    var options = ConvertOptions()
    options.dialect = dialect
    options.force = true
    return try Conversion(folder.path, to: folder.file("o.gguf"), options: options).run()
  }

  @Test(arguments: [
    nil, "{\"model_type\": \"lantern\"}", "{\"_class_name\": \"UNet2DConditionModel\"}",
    "{\"model_type\": \"gpt2\", \"n_head\": \"four\"}",
  ])
  func `names that stay are a remark`(_ config: String?) throws {
    let folder = try model(config.map { Array($0.utf8) })
    let report = try convert(folder)
    #expect(report.findings.map(\.kind) == [.namesKept])
    #expect(report.dialects == nil)
    #expect(try convert(folder, dialect: "keep").findings.isEmpty)
    // What is a GGUF already has its own names.
    let copy = try Conversion(folder.file("o.gguf"), to: folder.file("p.gguf"), options: ConvertOptions())
      .run()
    #expect(copy.findings.isEmpty)
  }

  @Test func `one of another model is a remark too`() throws {
    let folder = try TemporaryFolder()
    try folder.copy(Fixture.path("models/base/config.json"))
    try folder.copy(
      Fixture.path(
        "golden/safetensors/" + #require(
          Fixture.names(in: "golden/safetensors").first { $0.hasSuffix(".safetensors") })))
    let report = try? convert(folder)
    #expect(report == nil || report?.findings.contains { $0.kind == .namesKept } == true)
  }

  @Test(arguments: [
    "", "{\"model_type\": \"gpt2\"},", "{\"model_type\": ", "\u{FEFF}{\"model_type\": \"gpt2\"}", "[1]",
  ])
  func `a config that can't be read is refused at its byte, and shown`(_ config: String) throws {
    let folder = try model(Array(config.utf8))
    let error = #expect(throws: IngotError.self) { _ = try convert(folder) }
    guard case .malformed(_, let location, _, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(location.file.hasSuffix("config.json") && location.offset != nil)
    #expect(try convert(folder, dialect: "keep").findings.isEmpty)
    let report = try Ingot.inspect(folder.path)
    #expect(report.checkpoint.findings.map(\.kind) == [.unreadableConfig])
  }
}
