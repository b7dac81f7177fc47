// SPDX-License-Identifier: Apache-2.0
// Where an output may go, and what each kind of mistake ends with: one line on standard error, the contract's code,
// nothing on standard output, nothing changed.
import Foundation
import IngotTestSupport
import Testing

@Suite struct OutputRuleTests {
  private static let model = Fixture.path("kjv-gpt2/model.safetensors")

  private func expectRefusal(_ code: Int32, _ arguments: String..., in folder: TemporaryFolder) throws {
    let before = folder.entries()
    var process = try IngotProgram.process(arguments)
    process.folder = folder.path
    let result = try process.run()
    #expect(result.exitCode == code, "\(result.command): \(result.standardError)")
    #expect(result.firstErrorLine.hasPrefix("ingot: "), "\(result.command)")
    #expect(result.outputBytes.isEmpty, "\(result.command)")
    #expect(folder.entries() == before, "\(result.command)")
  }

  @Test func `an existing output is kept unless --force is given`() throws {
    let folder = try TemporaryFolder()
    try folder.write("old", to: "out.npz")
    try expectRefusal(73, "convert", Self.model, "out.npz", in: folder)
    #expect(try folder.bytes("out.npz") == Array("old".utf8))
    #expect(try IngotProgram.run("convert", Self.model, folder.file("out.npz"), "--force").exitCode == 0)
  }

  @Test func `the current folder stays the one that it is`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("here"), withIntermediateDirectories: false)
    // A shell in it sees what is written, and is not left in a folder that is gone.
    var shell = ChildProcess(
      "sh",
      ["-c", "\"$1\" convert \"$2\" . && ls && cd . && ls -A", "sh", try IngotProgram.path(), Self.model])
    shell.folder = folder.file("here")
    let result = try shell.run()
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.standardOutput.contains("model.safetensors\n"), "\(result.standardOutput)")
    let files = folder.entries()
    #expect(files.contains("here/model.safetensors") && !files.contains { $0.contains("/.") })
    var again = try IngotProgram.process(["convert", Self.model, ".", "--force"])
    again.folder = folder.file("here")
    let refused = try again.run()
    #expect(refused.exitCode == 73)
    #expect(refused.firstErrorLine.contains("is the current folder"), "\(refused.firstErrorLine)")
    #expect(folder.entries() == files)
  }

  @Test func `the input is never the output, by whatever path`() throws {
    let folder = try TemporaryFolder()
    let copy = try folder.copy(Self.model)
    let manager = FileManager.default
    try manager.createSymbolicLink(atPath: folder.file("link.safetensors"), withDestinationPath: copy)
    try manager.linkItem(atPath: copy, toPath: folder.file("hard.safetensors"))
    for name in [
      "model.safetensors", "link.safetensors", "hard.safetensors",
      "../\(URL(fileURLWithPath: folder.path).lastPathComponent)/model.safetensors",
    ] {
      try expectRefusal(73, "convert", "model.safetensors", name, "--force", in: folder)
    }
  }

  @Test func `the folder that holds the input, and one of its shards, are not replaced`() throws {
    let folder = try TemporaryFolder()
    #expect(
      try IngotProgram.run("convert", Self.model, folder.file("set") + "/", "--shard-size", "1MB").exitCode
        == 0)
    try expectRefusal(73, "convert", "set", "set/", "--force", in: folder)
    try expectRefusal(73, "convert", "set", "set/model-00002-of-00005.safetensors", "--force", in: folder)
  }

  @Test func `the index and the companions of the input are not replaced`() throws {
    let folder = try TemporaryFolder()
    for name in ["config.json", "model.safetensors"] { try folder.copy(Fixture.path("kjv-gpt2/\(name)")) }
    let options = ["--to", "safetensors", "--force"]
    #expect(
      try IngotProgram.run("convert", folder.path, folder.file("set") + "/", "--shard-size", "1MB").exitCode
        == 0)
    for (input, output) in [
      ("set", "set/model.safetensors.index.json"), ("model.safetensors", "config.json"),
    ] {
      try expectRefusal(73, "convert", input, output, options[0], options[1], options[2], in: folder)
    }
    try expectRefusal(73, "quantize", ".", "config.json", "--to", "ingot", "--force", in: folder)
    try expectRefusal(
      73, "record", ".", "--tokens", "1", "-o", "config.json", "--to", "npz", "--force", in: folder)
  }

  @Test func `a link to nothing is not replaced`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.npz"), withDestinationPath: folder.file("nothing.npz"))
    try expectRefusal(73, "convert", Self.model, "link.npz", in: folder)
    try expectRefusal(73, "convert", Self.model, "link.npz", "--force", in: folder)
  }

  @Test func `a folder that holds something else is not replaced`() throws {
    let folder = try TemporaryFolder()
    try folder.write("mine", to: "out/diary.txt")
    try expectRefusal(73, "convert", Self.model, "out/", in: folder)
    try expectRefusal(73, "convert", Self.model, "out/", "--force", in: folder)
    #expect(try folder.bytes("out/diary.txt") == Array("mine".utf8))
  }

  @Test func `an output below a file or a missing folder is refused`() throws {
    let folder = try TemporaryFolder()
    try folder.write("file", to: "file")
    try expectRefusal(73, "convert", Self.model, "file/out.npz", in: folder)
    try expectRefusal(73, "convert", Self.model, "nowhere/out.npz", in: folder)
  }

  @Test func `a link as output keeps the link and replaces its target`() throws {
    let folder = try TemporaryFolder()
    try folder.write("old", to: "target.npz")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.npz"), withDestinationPath: folder.file("target.npz"))
    #expect(try IngotProgram.run("convert", Self.model, folder.file("link.npz"), "--force").exitCode == 0)
    let type =
      try FileManager.default.attributesOfItem(atPath: folder.file("link.npz"))[.type] as? FileAttributeType
    #expect(type == .typeSymbolicLink)
    #expect(try folder.bytes("target.npz").count > 1_000_000)
  }

  @Test func `mistakes of the caller end with 64`() throws {
    let folder = try TemporaryFolder()
    for arguments in [
      ["convert", Self.model], ["convert", Self.model, "out.xyz"],
      ["convert", Self.model, "out.npz", "--dtype", "i8"],
      ["convert", Self.model, "out.npz", "--include", "nothing*"],
      ["convert", Self.model, "out.npz", "--include", "*wpe*", "--include", "nothing*"],
      ["convert", Self.model, "out.npz", "--to", "png"],
      ["convert", Self.model, "out.npz", "--shard-size", "1MB"], ["inspcet", Self.model], ["hash"],
      ["hash", Self.model, "--jobs", "0"], ["convert", Self.model, "out.npz", "--jobs", "-2"],
      ["verify", Self.model], ["inspect", Self.model, "nothing*"], ["generate", Self.model, "--tokens", "a"],
      ["convert", Self.model, "-", "--to", "safetensors", "--check"], ["inspect", Self.model, "--nonsense"],
    ] {
      let result = try IngotProgram.process(arguments).run()
      #expect(result.exitCode == 64, "\(result.command): \(result.standardError)")
      #expect(result.firstErrorLine.hasPrefix("ingot: "), "\(result.command)")
      #expect(result.outputBytes.isEmpty)
      #expect(result.standardError.split(separator: "\n").count == 1, "\(result.standardError)")
    }
    #expect(folder.entries() == [])
  }

  @Test func `a head is not tied and untied at once`() throws {
    let result = try IngotProgram.run("convert", Self.model, "out.npz", "--tie", "--untie")
    #expect(result.exitCode == 64)
    #expect(result.firstErrorLine.contains("exclude each other"), "\(result.standardError)")
  }

  @Test func `a usage error's first line is whole, and --verbose adds to it`() throws {
    let arguments = ["convert", Self.model, "out.npz", "--dtype", "bf17"]
    let result = try IngotProgram.process(arguments).run()
    #expect(result.firstErrorLine.hasSuffix("f16, bf16, f32, f64"), "\(result.firstErrorLine)")
    let verbose = try IngotProgram.process(arguments + ["--verbose"]).run()
    #expect(verbose.firstErrorLine == result.firstErrorLine)
    #expect(verbose.standardError.contains("--help"))
  }

  @Test func `the report goes to standard error when the checkpoint goes to standard output`() throws {
    let result = try IngotProgram.run("convert", Self.model, "-", "--to", "ingot", "--json")
    let report = try JSONSerialization.jsonObject(with: Data(result.errorBytes)) as? [String: Any]
    #expect(report?["bytes"] as? Int == result.outputBytes.count)
  }

  @Test func `what is not there ends with 66, and names what looks alike`() throws {
    let folder = try TemporaryFolder()
    try folder.copy(Self.model)
    try expectRefusal(66, "inspect", "modle.safetensors", in: folder)
    try expectRefusal(66, "inspect", "nowhere/model.safetensors", in: folder)
    try expectRefusal(66, "validate", "model.safetensors", in: folder)
    let result = try IngotProgram.run("inspect", folder.file("modle.safetensors"))
    #expect(result.firstErrorLine.contains("model.safetensors"))
    let model = Fixture.path("models/base")
    for arguments in [
      ["tokenize", "modle.safetensors"], ["generate", "modle.safetensors", "--prompt", "a"],
      ["corpus", "modle.safetensors"], ["eval", model, "--text", "modle.safetensors"],
      ["graph", model, "--config", "modle.safetensors"], ["merge", model, "modle.safetensors", "o/"],
      ["tokenize", Fixture.path("kjv-gpt2"), "modle.safetensors"],
      ["sensitivity", model, "--text", "modle.safetensors"],
      ["quantize", model, "o.ingot", "--calibrate", "modle.safetensors"],
      ["quantize", model, "o.ingot", "--measure", "modle.safetensors"],
    ] {
      var process = try IngotProgram.process(arguments)
      process.folder = folder.path
      let run = try process.run()
      #expect(run.exitCode == 66, "\(arguments): \(run.standardError)")
      #expect(
        run.firstErrorLine.contains("does not exist; \".\" holds \"model.safetensors\""), "\(arguments)")
    }
  }

  @Test func `a folder with several weight files asks which`() throws {
    let folder = try TemporaryFolder()
    try folder.copy(Self.model, as: "a.safetensors")
    try folder.copy(Self.model, as: "b.safetensors")
    try expectRefusal(65, "inspect", ".", in: folder)
    #expect(try IngotProgram.run("inspect", folder.path, "--from", "b.safetensors").exitCode == 0)
  }

  @Test(arguments: ["safetensors", "numpy", "zip", "ingot", "quantized-tensors"])
  func `malformed files end with 65 and one line that names the rule`(_ format: String) throws {
    for name in Fixture.names(in: "malformed/\(format)") {
      let result = try IngotProgram.run("hash", Fixture.path("malformed/\(format)/\(name)"))
      #expect([65, 66].contains(result.exitCode), "\(name): \(result.standardError)")
      #expect(result.outputBytes.isEmpty)
      let lines = result.standardError.split(separator: "\n")
      #expect(lines.count == 1, "\(name): \(result.standardError)")
      let rule = name.split(separator: "-").prefix(2).joined(separator: "-")
      if result.exitCode == 65 {
        #expect(result.firstErrorLine.hasSuffix("(\(rule))"), "\(result.firstErrorLine)")
      }
    }
  }
}
