// SPDX-License-Identifier: Apache-2.0
// A convert that is killed at any instant leaves its destination as it was, or as it was to be, and nothing else that
// the next run does not remove.
import Foundation
import IngotTestSupport
import Testing

@Suite(.serialized) struct KillTests {
  /// How often each kind of output is killed; both together make the 200 instants that are promised.
  private static let killCount = 100

  private struct Files {
    let folder: TemporaryFolder
    let old: [UInt8]
    let new: [UInt8]
    let source: String

    init() throws {
      folder = try TemporaryFolder()
      var random = SeededRandom(seed: 11)
      old = try Files.checkpoint(&random, value: 1)
      new = try Files.checkpoint(&random, value: 2)
      source = try folder.write(new, to: "new.safetensors")
    }

    /// Two tensors of 2 MiB each, alike but for one value.
    private static func checkpoint(_ random: inout SeededRandom, value: UInt8) throws -> [UInt8] {
      let count = 2 << 20
      let header = Array(
        """
        {"a":{"dtype":"U8","shape":[\(count)],"data_offsets":[0,\(count)]},\
        "b":{"dtype":"U8","shape":[\(count)],"data_offsets":[\(count),\(2 * count)]}}
        """.utf8)
      let padded = header + [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
      let length = withUnsafeBytes(of: UInt64(padded.count).littleEndian) { Array($0) }
      return length + padded + [UInt8](repeating: value, count: 2 * count)
    }
  }

  /// Kills runs of one command.
  private struct Killer {
    private let process: ChildProcess
    private let count: Int
    private var instants: KillInstants
    private var tried = 0
    private var killed = 0

    init(_ arguments: [String], count: Int, seed: UInt64) throws {
      process = try IngotProgram.process(arguments)
      self.count = count
      var longest = 0.0
      for _ in 0..<3 { longest = max(longest, try process.run().seconds) }
      instants = KillInstants(seed: seed, over: longest)
    }

    /// Whether more than a quarter of the runs met their kill: kills that come too late prove nothing.
    var hasProof: Bool { killed > count / 4 }

    /// Whether another run is to be killed: as many as are asked for, and some more where too many ended before.
    var goesOn: Bool { tried < count || (!hasProof && tried < 4 * count) }

    mutating func kill() throws {
      tried += 1
      if try instants.run(process).signal != nil { killed += 1 }
    }
  }

  @Test func `killed at 100 instants, a file is the old one or the new one`() throws {
    let files = try Files()
    let arguments = ["convert", files.source, files.folder.file("out.safetensors"), "--force", "--quiet"]
    var killer = try Killer(arguments, count: Self.killCount, seed: 3)
    while killer.goesOn {
      try files.folder.write(files.old, to: "out.safetensors")
      try killer.kill()
      let content = try files.folder.bytes("out.safetensors")
      #expect(content == files.old || content == files.new)
      let strangers = files.folder.entries().filter {
        !["new.safetensors", "out.safetensors"].contains($0)
          && !$0.hasPrefix(".out.safetensors.ingot-partial")
      }
      #expect(strangers == [])
    }
    #expect(killer.hasProof)
    #expect(try IngotProgram.process(arguments).run().exitCode == 0)
    #expect(files.folder.entries() == ["new.safetensors", "out.safetensors"])
  }

  @Test func `killed at 100 instants, a folder is the old one or the new one`() throws {
    let files = try Files()
    let arguments = [
      "convert", files.source, files.folder.file("out") + "/", "--shard-size", "3MB", "--force", "--quiet",
    ]
    var killer = try Killer(arguments, count: Self.killCount, seed: 4)
    let digests = [
      try digest(files.source), try digest(try files.folder.write(files.old, to: "old.safetensors")),
    ]
    let oldFolder = [
      "convert", files.folder.file("old.safetensors"), files.folder.file("out") + "/", "--force", "-q",
    ]
    while killer.goesOn {
      #expect(try IngotProgram.process(oldFolder).run().exitCode == 0)
      try killer.kill()
      #expect(digests.contains(try digest(files.folder.file("out"))))
      let strangers = files.folder.entries().filter { name in
        !["new.safetensors", "old.safetensors", "out"].contains { name == $0 || name.hasPrefix("out/") }
          && !name.hasPrefix(".out.ingot-partial") && !name.hasPrefix(".out.ingot-old")
      }
      #expect(strangers == [])
    }
    #expect(killer.hasProof)
    #expect(try IngotProgram.process(arguments).run().exitCode == 0)
    let left = files.folder.entries().filter { $0.hasPrefix(".") }
    #expect(left == [])
  }

  /// A file or folder of each format that is written, with the options that make it of a GPT-2, or of a Llama where its program
  /// has that alone.
  static let outputs = [
    ["out.safetensors"], ["out.npy", "--include", "transformer.wte.weight"], ["out.npz"], ["out.ingot"],
    ["out.pt"],
    ["out.gguf"], ["out.bin", "--to", "llmc"], ["out.bin", "--to", "llama2c"],
    ["out/", "--to", "tensorflow"], ["out/", "--to", "ctranslate2"],
    ["out/", "--to", "openai-params", "--dialect", "keep"],
    ["out/", "--to", "pytorch", "--shard-size", "2MB"],
    ["out/", "--to", "pytorch", "--for", "meta", "--model-parallel", "2"],
  ]

  /// Kills of each.
  private static let formatKillCount = 25

  @Test(arguments: outputs)
  func `killed at any instant, an output of each format is the old one or the new one`(
    _ output: [String]
  ) throws {
    let folder = try TemporaryFolder()
    func convert(_ model: String, to name: String) throws -> [String] {
      let command = ["convert", Fixture.path(model), folder.file(name + output[0].dropFirst(3))]
      return command + output.dropFirst() + ["--force", "--quiet"]
    }
    let llamas = ("llama-golden/llama2.c/multi-head/hf", "llama-golden/llama2.c/grouped/hf")
    let models = output.contains("llama2c") || output.contains("meta") ? llamas : ("models/base", "kjv-gpt2")
    let (older, newer) = (try convert(models.0, to: "old"), try convert(models.1, to: "new"))
    for command in [older, newer] {
      let result = try IngotProgram.process(command).run()
      #expect(result.exitCode == 0, "\(result.standardError)")
    }
    let (old, new) = (try content("old", in: folder), try content("new", in: folder))
    let command = try convert(models.1, to: "out")
    var killer = try Killer(command, count: Self.formatKillCount, seed: 6)
    while killer.goesOn {
      try replace("out", by: "old", in: folder)
      try killer.kill()
      let found = try content("out", in: folder)
      #expect(found == old || found == new)
      let strangers = folder.entries().filter { name in
        !["old", "new", "out", ".out"].contains { name.hasPrefix($0) }
      }
      #expect(strangers == [])
    }
    #expect(killer.hasProof)
    #expect(try IngotProgram.process(command).run().exitCode == 0)
    #expect(try content("out", in: folder) == new)
    #expect(folder.entries().filter { $0.hasPrefix(".") } == [])
  }

  @Test func `every format that is written is killed`() throws {
    let formats = try IngotProgram.run("formats", "--json").standardOutput
    let report = try JSONSerialization.jsonObject(with: Data(formats.utf8)) as? [String: Any]
    let written = try #require(report?["formats"] as? [[String: Any]]).filter { $0["write"] as? Bool == true }
    let killed = Self.outputs.map { $0.count > 2 && $0[1] == "--to" ? $0[2] : String($0[0].dropFirst(4)) }
    let ids = written.compactMap { $0["id"] as? String }
    let extensions = ["pt": "pytorch"]
    #expect(Set(killed.map { extensions[$0] ?? $0 }) == Set(ids))
  }

  /// The bytes of a file, or of every file of a folder, by their names behind the output's own.
  private func content(_ name: String, in folder: TemporaryFolder) throws -> [String: [UInt8]] {
    var content: [String: [UInt8]] = [:]
    for entry in folder.entries() where entry.hasPrefix(name) && entry != name {
      content[String(entry.dropFirst(name.count))] = try folder.bytes(entry)
    }
    return content
  }

  private func replace(_ name: String, by other: String, in folder: TemporaryFolder) throws {
    for entry in folder.entries() where entry.hasPrefix(name) && !entry.contains("/") {
      try FileManager.default.removeItem(atPath: folder.file(entry))
    }
    for entry in folder.entries() where entry.hasPrefix(other) && !entry.contains("/") {
      try folder.copy(folder.file(entry), as: name + entry.dropFirst(other.count))
    }
  }

  private func digest(_ path: String) throws -> String {
    let result = try IngotProgram.run("hash", path)
    #expect(result.exitCode == 0, "\(result.standardError)")
    return String(result.standardOutput.prefix(64))
  }
}
