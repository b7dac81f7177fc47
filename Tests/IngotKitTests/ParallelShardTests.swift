// SPDX-License-Identifier: Apache-2.0
// Models that Meta's code has cut for several processors, against the same ones in transformers' names
// (fixtures/llama-golden/meta); and what does not fit. Page: formats/pytorch.md, "Sets that are cut".
import Foundation
import IngotKit
import IngotModels
import IngotTestSupport
import Testing

@Suite struct ParallelShardTests {
  static let sets = ["two-shards", "two-shards-llama3", "four-shards-two-key-heads"]

  private static func path(_ name: String) -> String { Fixture.path("llama-golden/meta/\(name)") }

  @Test(arguments: sets + ["one-shard"])
  func `whole tensors are those of the model in transformers' names`(_ name: String) throws {
    let expected = try DialectTests.digests(Self.path(name) + "/hf", as: "hf")
    #expect(try DialectTests.digests(Self.path(name), as: "hf") == expected)
    #expect(try Ingot.validate(Self.path(name)).isValid)
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    (options.program, options.check) = (.transformers, true)
    _ = try Ingot.convert(Self.path(name), to: folder.file("back/"), options: options)
    #expect(try DialectTests.digests(folder.file("back"), as: "hf") == expected)
    let config = try DecoderDialectTests.config(Self.path(name) + "/hf")
    #expect(try DecoderDialectTests.config(folder.file("back")) == config)
  }

  @Test(arguments: sets)
  func `the set goes into one file, and computes the same`(_ name: String) throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    (options.program, options.check) = (.meta, true)
    _ = try Ingot.convert(Self.path(name), to: folder.file("one/"), options: options)
    #expect(folder.entries().filter { $0.hasSuffix(".pth") } == ["one/consolidated.00.pth"])
    var verify = VerifyOptions()
    verify.against = Self.path(name) + "/hf"
    verify.tokens = (0..<20).map(String.init).joined(separator: ",")
    verify.run.precision = .reference
    for path in [Self.path(name), folder.file("one")] {
      #expect(try Ingot.verify(path, options: verify).passed)
    }
  }

  /// A copy of a set with one of its files changed.
  private static func copy(
    _ name: String, in folder: TemporaryFolder, _ change: (String) throws -> [UInt8]?
  ) throws {
    for file in Fixture.names(in: "llama-golden/meta/\(name)") where file != "hf" {
      if let bytes = try change(file) { _ = try folder.write(bytes, to: file) }
    }
  }

  @Test func `a file that is missing is asked for`() throws {
    let folder = try TemporaryFolder()
    try Self.copy("four-shards-two-key-heads", in: folder) { file in
      file == "consolidated.02.pth"
        ? nil : try Fixture.bytes("llama-golden/meta/four-shards-two-key-heads/\(file)")
    }
    let error = #expect(throws: IngotError.self) { try Ingot.inspect(folder.path) }
    guard case .missing(let path, _, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(path.hasSuffix("consolidated.02.pth"))
  }

  @Test func `files of other models do not fit`() throws {
    for (other, rule) in [("two-shards-llama3", "PT-41"), ("one-shard", "PT-41")] {
      let folder = try TemporaryFolder()
      try Self.copy("two-shards", in: folder) { file in
        let second = other == "one-shard" ? "consolidated.00.pth" : "consolidated.01.pth"
        return file == "consolidated.01.pth"
          ? try Fixture.bytes("llama-golden/meta/\(other)/\(second)")
          : try Fixture.bytes("llama-golden/meta/two-shards/\(file)")
      }
      let error = #expect(throws: IngotError.self) { try Ingot.inspect(folder.path) }
      guard case .malformed(let broken, _, _, _)? = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(broken.id == rule)
    }
  }
}
