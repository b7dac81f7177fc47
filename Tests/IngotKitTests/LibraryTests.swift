// SPDX-License-Identifier: Apache-2.0
// What a program gets from the library that the command line does not show: programs by name, bytes, companions, numbers
// out of range, and errors of its own.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct LibraryTests {
  private struct Own: Error, Equatable {}

  @Test func `a program that an output is for sets format, dialect and folder`() throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.program = .transformers
    let report = try Ingot.convert(
      Fixture.path("models/one-block"), to: folder.file("made"), options: options)
    #expect(report.output.hasSuffix("/") && report.outputFormat == "safetensors")
    options.program = .openAI
    // OpenAI has no names for BERT.
    #expect(throws: IngotError.self) {
      _ = try Ingot.convert(Fixture.path("bert/masked-lm"), to: folder.file("bert/"), options: options)
    }
    options.program = .llmc
    let other = try Ingot.convert(
      Fixture.path("models/one-block"), to: folder.file("a.bin"), options: options)
    #expect(other.outputFormat == "llmc" && other.dialects?.to == "llmc")
  }

  @Test func `bytes are the canonical ones`() throws {
    let folder = try TemporaryFolder()
    let tensor = try Tensor("w", shape: [2, 2], values: [1, 2, 3, 4] as [Float])
    _ = try Ingot.write([tensor], to: folder.file("w.npz"))
    let checkpoint = try Ingot.open(folder.file("w.npz"))
    let expected = [1, 2, 3, 4].flatMap { (value: Float) in
      withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }
    #expect(try checkpoint.bytes(of: "w") == expected)
    #expect(throws: IngotError.self) { _ = try checkpoint.bytes(of: "v") }
  }

  @Test func `companions are written beside tensors in memory`() throws {
    let folder = try TemporaryFolder()
    var options = WriteOptions()
    options.companions = [Companion(kind: .config, name: "config.json", bytes: Array("{}".utf8))]
    let tensor = try Tensor("w", shape: [1], values: [1] as [Float])
    options.format = "safetensors"
    _ = try Ingot.write([tensor], to: folder.file("model/"), options: options)
    #expect(try folder.bytes("model/config.json") == Array("{}".utf8))
  }

  @Test func `a key of metadata that is there twice is refused`() throws {
    let folder = try TemporaryFolder()
    var options = WriteOptions()
    options.metadata = Metadata([
      .init(key: "a", value: .string("1")), .init(key: "a", value: .string("2")),
    ])
    let tensor = try Tensor("w", shape: [1], values: [1] as [Float])
    for name in ["a.safetensors", "a.gguf", "a.npz", "a.ingot"] {
      #expect(throws: IngotError.self, "\(name)") {
        _ = try Ingot.write([tensor], to: folder.file(name), options: options)
      }
      #expect(folder.entries() == [])
    }
  }

  @Test(arguments: [0, -5, Int.min])
  func `a file of no bytes is no limit`(_ limit: Int) throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.shardByteLimit = limit
    #expect(throws: IngotError.self) {
      _ = try Ingot.convert(Fixture.path("models/one-block"), to: folder.file("a/"), options: options)
    }
  }

  @Test func `as many tokens as there are numbers end with the context`() throws {
    var options = GenerateOptions()
    options.maximumCount = .max
    options.ignoresEnd = true
    for precision in [Precision.auto, .reference] {
      options.run.precision = precision
      let report = try Ingot.generate(Fixture.path("models/one-block"), ids: [1], options: options)
      #expect(report.stop == .context && report.added.count == report.contextLength)
    }
  }

  @Test func `a path with a zero in it is no path`() throws {
    let folder = try TemporaryFolder()
    let tensor = try Tensor("w", shape: [1], values: [1] as [Float])
    _ = try Ingot.write([tensor], to: folder.file("w.safetensors"))
    #expect(throws: IngotError.self) { _ = try Ingot.open(folder.file("w.safetensors\0.txt")) }
    #expect(throws: IngotError.self) { _ = try Ingot.write([tensor], to: folder.file("v\0.safetensors")) }
  }

  @Test func `errors of a caller's own pass through`() async throws {
    let folder = try TemporaryFolder()
    let tensor = try Tensor("w", shape: [4, 1], values: [1, 2, 3, 4] as [Float])
    _ = try Ingot.write([tensor], to: folder.file("w.safetensors"))
    let checkpoint = try Ingot.open(folder.file("w.safetensors"))
    var rows = 0
    #expect(throws: Own.self) {
      try checkpoint.forEachRow(of: "w", as: Float.self) { row, _ in
        rows += 1
        if row == 1 { throw Own() }
      }
    }
    #expect(rows == 2)
    await #expect(throws: Own.self) { try await Ingot.run { throw Own() } }
    #expect(try await Ingot.run { try Ingot.open(folder.file("w.safetensors")).tensors.count } == 1)
  }

  @Test func `formats, dialects and models are listed`() {
    #expect(Ingot.formats.contains { $0.id == "gguf" && $0.isWritten })
    #expect(Ingot.dialects.contains("hf") && Set(Ingot.dialects).count == Ingot.dialects.count)
    #expect(Ingot.models.map(\.id).contains("gpt2"))
  }
}
