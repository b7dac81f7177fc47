// SPDX-License-Identifier: Apache-2.0
// `ingot merge` as a user runs it: what it prints and ends with, the examples of its help, and its memory.
import Foundation
import IngotTestSupport
import Testing

@Suite struct MergeCommandTests {
  /// A folder with the inputs that the help's examples name.
  private static func inputs() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["llama", "a", "b", "base", "tuned"] {
      _ = try folder.copy(Fixture.path("adapters/base/llama"), as: name)
    }
    for (name, adapter) in [("llama-lora", "dora"), ("lora-a", "plain"), ("lora-b", "rslora")] {
      _ = try folder.copy(Fixture.path("adapters/\(adapter)"), as: name)
    }
    return folder
  }

  /// Runs a line of the help.
  private static func run(_ line: String, in folder: TemporaryFolder) throws -> ProcessResult {
    var process = try IngotProgram.process(line.split(separator: " ").dropFirst().map(String.init))
    process.folder = folder.path
    return try process.run()
  }

  @Test func `the help's examples run`() throws {
    let help = try IngotProgram.run("merge", "--help").standardOutput
    let examples = help.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter {
      $0.hasPrefix("ingot merge") && !$0.contains("<")
    }
    #expect(examples.count == 5)
    for example in examples {
      let folder = try Self.inputs()
      let result = try Self.run(example, in: folder)
      #expect(result.exitCode == 0, "\(example): \(result.standardError)")
      #expect(result.standardOutput.contains("merged in float64 and rounded once"))
      let words = example.split(separator: " ").map(String.init)
      let outputs = words.filter { $0.hasSuffix("/") && !$0.contains("=") }
      guard let output = outputs.last, output != "base/" else { continue }
      #expect(try IngotProgram.run("validate", output, in: folder.path).exitCode == 0, "\(output)")
    }
  }

  @Test func `--json says what went in and what came of it`() throws {
    let folder = try Self.inputs()
    let result = try Self.run(
      "ingot merge llama lora-a lora-b o/ --weight 1 --weight -0.5 --json", in: folder)
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(result.standardOutput.utf8)) as? [String: Any])
    for key in [
      "schema", "input", "output", "format", "bytes", "tensors", "losses", "checked", "memory_bound",
      "findings",
    ] {
      #expect(report[key] != nil, "\(key)")
    }
    let inputs = try #require(report["inputs"] as? [[String: Any]])
    #expect(inputs.map { $0["path"] as? String } == ["lora-a", "lora-b"])
    #expect(inputs.map { $0["weight"] as? Double } == [1, -0.5])
    #expect(inputs.map { $0["tensors"] as? Int } == [6, 4])
    #expect(inputs.allSatisfy { $0["dropped_prefix"] is NSNull && $0["added_prefix"] is NSNull })
    // q_proj and v_proj of both layers are changed by both.
    #expect(report["merged"] as? Int == 6)
  }

  @Test(arguments: [
    ("merge llama o/", 64), ("merge llama lora-a lora-b o/ --weight 1", 64), ("merge --linear a=1 b o/", 64),
    ("merge --linear a o/", 64), ("merge --linear a=x o/", 64), ("merge --linear a=nan o/", 64),
    ("merge a --task-vector b=1", 64), ("merge a lora-a o/ --task-vector b=1", 64),
    ("merge a o/ --task-vector b=1 --linear b=1", 64), ("merge a o/ --task-vector b=1 --weight 1", 64),
    ("merge llama lora-a o.nothing", 64), ("merge llama lora-a - --to safetensors --check", 64),
    ("merge llama lora-a o.safetensors --compress", 64), ("merge llama lora-a o/ --dtype i8", 64),
    ("merge llama lora-a o/ --digests sha256", 64), ("merge llama lora-a o/ --from x", 66),
    ("merge llama nothing o/", 66), ("merge nothing lora-a o/", 66), ("merge llama b o/", 66),
    ("merge lora-a llama o/", 65), ("merge llama lora-a llama/ --force", 73), ("merge llama lora-a b", 73),
    ("merge llama lora-a lora-a/adapter_model.safetensors --force", 73),
    ("merge --linear a=1 --linear b=1 b/ --force", 73), ("merge llama lora-a o.gguf", 65),
  ])
  func `what is no merge ends with its code, and leaves nothing`(_ line: String, _ code: Int32) throws {
    let folder = try Self.inputs()
    let before = folder.entries()
    let result = try Self.run("ingot " + line, in: folder)
    #expect(result.exitCode == code, "\(result.standardError)\(result.standardOutput)")
    #expect(result.standardOutput.isEmpty && result.standardError.hasPrefix("ingot: "))
    #expect(result.standardError.split(separator: "\n").count == 1)
    #expect(folder.entries() == before)
  }

  @Test func `memory does not grow with the model`() throws {
    let folder = try TemporaryFolder()
    func write(_ tensors: [(name: String, shape: [Int])], to path: String) throws {
      var offset = 0
      let entries = tensors.map { name, shape in
        let start = offset
        offset += shape.reduce(4, *)
        return #""\#(name)":{"dtype":"F32","shape":\#(shape),"data_offsets":[\#(start),\#(offset)]}"#
      }
      let header = Array(("{" + entries.joined(separator: ",") + "}").utf8)
      let bytes = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
      let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: try folder.write(bytes, to: path)))
      try handle.truncate(atOffset: UInt64(bytes.count + offset))
      try handle.close()
    }
    try FileManager.default.createDirectory(atPath: folder.file("lora"), withIntermediateDirectories: true)
    let module = "base_model.model.a.lora_"
    try write([("a.weight", [16_384, 8192])], to: "base.safetensors")
    try write(
      [(module + "A.weight", [64, 8192]), (module + "B.weight", [16_384, 64])],
      to: "lora/adapter_model.safetensors")
    _ = try folder.write(#"{"peft_type": "LORA", "r": 64, "lora_alpha": 1}"#, to: "lora/adapter_config.json")
    let own = try IngotProgram.run("--version").peakResidentBytes
    for line in [
      "merge base.safetensors lora o.safetensors --dtype f8_e4m3",
      "merge --linear base.safetensors=1 --linear base.safetensors=2 p.safetensors --dtype f8_e4m3",
    ] {
      let result = try Self.run("ingot " + line, in: folder)
      #expect(result.exitCode == 0, "\(result.standardError)")
      #expect(result.peakResidentBytes - own < 64 << 20)
    }
  }
}
