// SPDX-License-Identifier: Apache-2.0
// Readers against files that the formats' own libraries wrote, writers by those libraries reading back.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct GoldenTests {
  @Test func `there are golden files of every dtype that safetensors or NumPy write`() {
    let seen = Set(GoldenFile.all.flatMap(\.tensors).map(\.dtype))
      .subtracting(BlockType.allCases.map(\.rawValue))
    let unwritten: Set<String> = ["F4", "F6_E2M3", "F6_E3M2"]
    #expect(Set(DType.allCases.map(\.rawValue)).subtracting(seen) == unwritten)
    #expect(GoldenFile.all.count > 30)
  }

  @Test(arguments: GoldenFile.all)
  func `reads what the format's own library reads`(_ file: GoldenFile) throws {
    #expect(try GoldenFile.read(file.path, file.reading) == file.tensors)
  }

  @Test(arguments: GoldenFile.all.filter { $0.name.hasSuffix(".safetensors") })
  func `writes the bytes that the safetensors reference writes`(_ file: GoldenFile) throws {
    let folder = try TemporaryFolder()
    _ = try Conversion(file.path, to: folder.file("out.safetensors"), options: ConvertOptions()).run()
    let result = try PythonPeer.run(
      "fixtures/peers/safetensors_write.py", [file.path, folder.file("reference.safetensors")])
    #expect(result.exitCode == 0)
    #expect(try folder.bytes("out.safetensors") == folder.bytes("reference.safetensors"))
  }

  /// Converts a file, unless the target can't hold it: then it is refused by name, never changed.
  private static func isConverted(_ path: String, to output: String, _ options: ConvertOptions) throws -> Bool
  {
    do throws(IngotError) {
      _ = try Conversion(path, to: output, options: options).run()
      return true
    } catch {
      if case .unrepresentable = error { return false }
      throw error
    }
  }

  /// Formats that a checkpoint goes to and comes back from.
  static let formats = ["safetensors", "npz", "ingot", "pt", "gguf"]

  @Test(arguments: GoldenFile.all, formats + ["tensorflow"])
  func `goes to another format and back with equal digests`(_ file: GoldenFile, _ format: String) throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.reading = file.reading
    options.keepsUnknownBits = format == "npz"
    // Names stay, whosever they are: containers are tested here.
    options.dialect = "keep"
    options.format = format == "tensorflow" ? format : nil
    let first = folder.file("there." + format)
    guard try Self.isConverted(file.path, to: first, options) else { return }
    #expect(try Set(GoldenFile.read(first)) == Set(file.tensors))
    _ = try Conversion(first, to: folder.file("back.ingot"), options: ConvertOptions()).run()
    #expect(try Set(GoldenFile.read(folder.file("back.ingot"))) == Set(file.tensors))
  }

  @Test(arguments: ["safetensors", "npz", "compressed npz", "pt", "gguf"])
  func `the formats' own libraries read what we wrote, with equal digests`(_ target: String) throws {
    let folder = try TemporaryFolder()
    var written: [(file: GoldenFile, path: String)] = []
    for (index, file) in GoldenFile.all.enumerated() {
      var options = ConvertOptions()
      options.reading = file.reading
      options.compresses = target.hasPrefix("compressed")
      options.dialect = "keep"
      let path = folder.file("\(index)." + (target.split(separator: " ").last ?? ""))
      if try Self.isConverted(file.path, to: path, options) { written.append((file, path)) }
    }
    #expect(written.count > 25)
    // One interpreter for all: a line a file.
    let output = try PythonPeer.run("fixtures/peers/read_back.py", written.map(\.path)).standardOutput
    let lines = output.split(separator: "\n")
    try #require(lines.count == written.count)
    for (line, (file, _)) in zip(lines, written) {
      let tensors = try JSONDecoder().decode([ReadTensor].self, from: Data(line.utf8))
      #expect(Set(tensors) == Set(file.tensors), "\(file)")
    }
  }

  @Test(arguments: formats)
  func `writes the same bytes twice`(_ format: String) throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      _ = try Conversion(
        Fixture.path("kjv-gpt2/model.safetensors"),
        to: folder.file("\(name)-out.\(format)"),
        options: ConvertOptions()
      ).run()
    }
    #expect(try folder.bytes("a-out.\(format)") == folder.bytes("b-out.\(format)"))
  }

  @Test(arguments: ["sharded", "sharded-over"])
  func `shards are cut as huggingface_hub cuts them`(_ set: String) throws {
    let folder = try TemporaryFolder()
    let source = Fixture.path("golden/safetensors/\(set)")
    // By way of one file: a set's own order has forgotten in which order it was cut.
    _ = try Conversion(source, to: folder.file("one.safetensors"), options: ConvertOptions()).run()
    var options = ConvertOptions()
    options.shardByteLimit = 1000
    _ = try Conversion(folder.file("one.safetensors"), to: folder.file("out/"), options: options).run()
    for name in Fixture.names(in: "golden/safetensors/\(set)") {
      let ours = try GoldenFile.read(folder.file("out/" + name).replacing(".index.json", with: ".index.json"))
      #expect(try ours == GoldenFile.read(source + "/" + name), "\(name)")
    }
  }

  @Test func `content tells the format, whatever the extension`() throws {
    let folder = try TemporaryFolder()
    try folder.copy(Fixture.path("golden/npz/stored.npz"), as: "weights.safetensors")
    #expect(try Ingot.inspect(folder.file("weights.safetensors")).checkpoint.format == "npz")
  }
}
