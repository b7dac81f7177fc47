// SPDX-License-Identifier: Apache-2.0
// A reader of .ingot files that was written from formats/ingot.md alone, in Python, beside ours: over the golden files,
// which a third implementation wrote, and over what we write.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct IngotReaderTests {
  /// One tensor as the outside reader or the manifest tells of it; aliases and quantization too.
  struct Tensor: Codable, Hashable {
    var name: String
    var dtype: String
    var shape: [Int]
    var sha256: String
    var aliasOf: String?

    enum CodingKeys: String, CodingKey {
      case name, dtype, shape, sha256
      case aliasOf = "alias_of"
    }
  }

  private struct File: Codable {
    var file: String
    var tensors: [Tensor]
  }

  private struct Manifest: Codable {
    var files: [File]
  }

  private struct Content: Codable {
    var tensors: [Tensor]
  }

  /// What the manifest says of each golden file.
  private static let manifest: [String: [Tensor]] = {
    let bytes = (try? Fixture.bytes("golden/ingot/manifest.json")) ?? []
    let files = (try? JSONDecoder().decode(Manifest.self, from: Data(bytes)))?.files ?? []
    return Dictionary(uniqueKeysWithValues: files.map { ($0.file, $0.tensors) })
  }()

  private static let names = Fixture.names(in: "golden/ingot").filter { $0.hasSuffix(".ingot") }

  private static func outside(_ path: String) throws -> [Tensor] {
    let result = try PythonPeer.run("fixtures/readers/ingot_reader.py", [path])
    return try JSONDecoder().decode(Content.self, from: Data(result.outputBytes)).tensors
  }

  private static func ours(_ path: String) throws -> [Tensor] {
    // Names that Swift takes for equal may be spelled by other bytes.
    let known = Dictionary(
      uniqueKeysWithValues: try Ingot.hash(path).tensors.map { (ExactName($0.name), $0) })
    return try Ingot.inspect(path).checkpoint.tensors.map { tensor in
      let digest = try #require(known[ExactName(tensor.name)])
      return Tensor(
        name: tensor.name, dtype: digest.typeName, shape: tensor.shape.dimensions, sha256: digest.sha256,
        aliasOf: tensor.aliasOf)
    }
  }

  @Test(arguments: names)
  func `three implementations tell the same of a golden file`(_ name: String) throws {
    let path = Fixture.path("golden/ingot/" + name)
    let expected = try #require(Self.manifest[name], "the manifest lists every file")
    #expect(try Self.outside(path) == expected)
    #expect(try Self.ours(path) == expected)
  }

  @Test func `the outside reader finds in our files what we find`() throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.storesSHA256 = true
    _ = try Conversion(Fixture.path("kjv-gpt2"), to: folder.file("model.ingot"), options: options).run()
    _ = try Conversion(
      Fixture.path("golden/gguf/every-type.gguf"), to: folder.file("blocks.ingot"), options: options
    ).run()
    _ = try Conversion(
      Fixture.path("golden/pytorch/tied.pt"), to: folder.file("tied.ingot"), options: ConvertOptions()
    ).run()
    _ = try Ingot.quantize(Fixture.path("kjv-gpt2"), to: folder.file("int8.ingot"))
    for name in folder.entries() {
      #expect(try Self.outside(folder.file(name)) == Self.ours(folder.file(name)), "\(name)")
    }
    #expect(folder.entries().count == 4)
  }
}
