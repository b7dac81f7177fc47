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

  /// The longest a whole run takes here; kills are spread over it.
  private static func duration(of arguments: [String]) throws -> Double {
    var longest = 0.0
    for _ in 0..<3 { longest = max(longest, try IngotProgram.process(arguments).run().seconds) }
    return longest
  }

  @Test func `killed at 100 instants, a file is the old one or the new one`() throws {
    let files = try Files()
    let arguments = ["convert", files.source, files.folder.file("out.safetensors"), "--force", "--quiet"]
    let duration = try Self.duration(of: arguments)
    var random = SeededRandom(seed: 3)
    var killed = 0
    for _ in 0..<Self.killCount {
      try files.folder.write(files.old, to: "out.safetensors")
      var process = try IngotProgram.process(arguments)
      process.killAfterSeconds = Double.random(in: 0...duration, using: &random)
      if try process.run().signal != nil { killed += 1 }
      let content = try files.folder.bytes("out.safetensors")
      #expect(content == files.old || content == files.new)
      let strangers = files.folder.entries().filter {
        !["new.safetensors", "out.safetensors"].contains($0)
          && !$0.hasPrefix(".out.safetensors.ingot-partial")
      }
      #expect(strangers == [])
    }
    #expect(killed > Self.killCount / 4, "kills that came too late prove nothing")
    #expect(try IngotProgram.process(arguments).run().exitCode == 0)
    #expect(files.folder.entries() == ["new.safetensors", "out.safetensors"])
  }

  @Test func `killed at 100 instants, a folder is the old one or the new one`() throws {
    let files = try Files()
    let arguments = [
      "convert", files.source, files.folder.file("out") + "/", "--shard-size", "3MB", "--force", "--quiet",
    ]
    let duration = try Self.duration(of: arguments)
    let digests = [
      try digest(files.source), try digest(try files.folder.write(files.old, to: "old.safetensors")),
    ]
    let oldFolder = [
      "convert", files.folder.file("old.safetensors"), files.folder.file("out") + "/", "--force", "-q",
    ]
    var random = SeededRandom(seed: 4)
    var killed = 0
    for _ in 0..<Self.killCount {
      #expect(try IngotProgram.process(oldFolder).run().exitCode == 0)
      var process = try IngotProgram.process(arguments)
      process.killAfterSeconds = Double.random(in: 0...duration, using: &random)
      if try process.run().signal != nil { killed += 1 }
      #expect(digests.contains(try digest(files.folder.file("out"))))
      let strangers = files.folder.entries().filter { name in
        !["new.safetensors", "old.safetensors", "out"].contains { name == $0 || name.hasPrefix("out/") }
          && !name.hasPrefix(".out.ingot-partial") && !name.hasPrefix(".out.ingot-old")
      }
      #expect(strangers == [])
    }
    #expect(killed > Self.killCount / 4, "kills that came too late prove nothing")
    #expect(try IngotProgram.process(arguments).run().exitCode == 0)
    let left = files.folder.entries().filter { $0.hasPrefix(".") }
    #expect(left == [])
  }

  private func digest(_ path: String) throws -> String {
    let result = try IngotProgram.run("hash", path)
    #expect(result.exitCode == 0, "\(result.standardError)")
    return String(result.standardOutput.prefix(64))
  }
}
