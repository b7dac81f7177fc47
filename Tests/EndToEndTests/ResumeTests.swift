// SPDX-License-Identifier: Apache-2.0
// A convert that was killed goes on with --resume: the bytes are those of a run of its own, finished parts are not
// written again, and where the source or the command is another it starts anew.
import Foundation
import IngotTestSupport
import Testing

@Suite(.serialized) struct ResumeTests {
  /// Runs that are killed for each kind of output.
  private static let killCount = 10
  private static let tensorCount = 24
  private static let elementCount = 1 << 18

  /// A checkpoint of numbers that a cast to BF16 rounds: 24 MiB, so that a run can be caught in the middle.
  private static func source(in folder: TemporaryFolder) throws -> String {
    let path = try BigCheckpoint.write(
      "source.safetensors", in: folder, tensorCount: tensorCount, elementCount: elementCount)
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    let byteCount = try handle.seekToEnd()
    let dataByteCount = tensorCount * elementCount * 4
    try handle.seek(toOffset: byteCount - UInt64(dataByteCount))
    var numbers = [Float](repeating: 0, count: dataByteCount / 4)
    for index in numbers.indices { numbers[index] = Float(index % 65_521) / 7 }
    try handle.write(contentsOf: numbers.withUnsafeBytes { Data($0) })
    try handle.close()
    return path
  }

  private static func run(_ arguments: [String]) throws -> ProcessResult {
    try IngotProgram.process(arguments).run()
  }

  private static func resumedParts(_ result: ProcessResult) throws -> Int {
    let report = try JSONSerialization.jsonObject(with: Data(result.outputBytes)) as? [String: Any]
    return report?["resumed_parts"] as? Int ?? 0
  }

  /// A GPT-2 of 27 MiB for a format that holds nothing else, or a Llama of 29.
  private static func model(_ architecture: String, in folder: TemporaryFolder) throws -> String {
    let config = try folder.write(
      architecture == "gpt2"
        ? """
        {"model_type": "gpt2", "n_layer": 8, "n_head": 4, "n_embd": 256, "n_positions": 512, "vocab_size": 2048}
        """
        : """
        {"model_type": "llama", "num_hidden_layers": 8, "num_attention_heads": 4, "hidden_size": 256, \
        "intermediate_size": 704, "max_position_embeddings": 512, "vocab_size": 2048}
        """, to: "config.json")
    let made = try IngotProgram.run("init", architecture, "--config", config, folder.file("model") + "/")
    #expect(made.exitCode == 0, "\(made.standardError)")
    return folder.file("model")
  }

  @Test(arguments: [
    ["out.safetensors", "--dtype", "bf16"], ["out.ingot", "--dtype", "bf16", "--digests", "sha256"],
    ["out.npz"], ["out/", "--shard-size", "5MB"], ["out.pt"], ["out.gguf"], ["out.bin", "--to", "llmc"],
    ["out/", "--to", "tensorflow"], ["out/", "--to", "pytorch", "--shard-size", "5MB"],
    ["out/", "--for", "meta", "--model-parallel", "4"],
  ])
  func `killed at any instant, a run goes on to equal bytes`(_ output: [String]) throws {
    let folder = try TemporaryFolder()
    let model = output.contains("llmc") ? "gpt2" : output.contains("meta") ? "llama" : nil
    let source = try model.map { try Self.model($0, in: folder) } ?? Self.source(in: folder)
    let options = Array(output.dropFirst()) + ["--json"]
    let whole = folder.file("whole")
    try FileManager.default.createDirectory(atPath: whole, withIntermediateDirectories: false)
    let reference = try Self.run(["convert", source, whole + "/" + output[0]] + options)
    #expect(reference.exitCode == 0, "\(reference.standardError)")
    var instants = KillInstants(seed: 5, over: reference.seconds)
    var resumedCount = 0
    // More kills than are asked for until one has left something to go on with.
    for kill in 0..<40 where kill < Self.killCount || resumedCount == 0 {
      let command = ["convert", source, folder.file(output[0])] + options
      _ = try instants.run(try IngotProgram.process(command))
      let result = try Self.run(command + ["--resume", "--force"])
      #expect(result.exitCode == 0, "\(result.standardError)")
      if try Self.resumedParts(result) > 0 { resumedCount += 1 }
      for name in folder.entries() where name.hasPrefix("whole/") && !name.hasSuffix("/out") {
        let other = String(name.dropFirst("whole/".count))
        #expect(try folder.bytes(name) == folder.bytes(other), "\(other)")
      }
      #expect(folder.entries().filter { $0.hasPrefix(".") } == [])
      try FileManager.default.removeItem(atPath: folder.file(output[0]))
    }
    #expect(resumedCount > 0, "kills that left nothing to go on with prove nothing")
  }

  /// Kills runs until one leaves finished parts; gives its journal's name.
  private func unfinished(
    _ command: [String], in folder: TemporaryFolder, seconds: Double, name: String = "out.npz"
  ) throws -> String {
    var instants = KillInstants(seed: 9, over: seconds)
    for _ in 0..<40 {
      _ = try instants.run(try IngotProgram.process(command))
      try? FileManager.default.removeItem(atPath: folder.file(name))
      let journal = folder.entries().first { $0.hasPrefix(".out") && $0.hasSuffix("/journal") }
      if let journal, try folder.bytes(journal).split(separator: 10).count > 3 { return journal }
    }
    throw CocoaError(.featureUnsupported)
  }

  @Test(arguments: ["journal", "header", "data"])
  func `what was changed on disk meanwhile is written again`(_ place: String) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    for options in [["out.npz"], ["out.safetensors"], ["out.safetensors", "--dtype", "bf16"], ["out.ingot"]] {
      let name = options[0]
      let command = ["convert", source, folder.file(name), "--json"] + options.dropFirst()
      let reference = try Self.run(command)
      let whole = try folder.bytes(name)
      try FileManager.default.removeItem(atPath: folder.file(name))
      let journal = try unfinished(command, in: folder, seconds: reference.seconds, name: name)
      let lines = try folder.bytes(journal).split(separator: 10)
      let first = String(decoding: try #require(lines.dropFirst().first), as: UTF8.self)
      let chunk = try #require(Int(first.split(separator: " ")[0].split(separator: ":")[1], radix: 16))
      let tensor = name == "out.safetensors" ? chunk - 1 : chunk / 2
      var file = String(journal.dropLast("journal".count)) + name
      var position = tensor * (whole.count / Self.tensorCount) + Self.elementCount
      if place == "header" { position = 100 }
      if place == "journal" { (file, position) = (journal, lines[0].count + first.utf8.count - 10) }
      let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder.file(file)))
      try handle.seek(toOffset: UInt64(position))
      try handle.write(contentsOf: Data([0x31]))
      try handle.close()
      let resumed = try Self.run(command + ["--resume"])
      #expect(resumed.exitCode == 0, "\(resumed.standardError)")
      let parts = try Self.resumedParts(resumed)
      if place == "data" { #expect(parts < lines.count - 1 && parts > 0, "\(name)") }
      #expect(try folder.bytes(name) == whole, "\(name)")
      try FileManager.default.removeItem(atPath: folder.file(name))
    }
  }

  @Test func `another source starts anew, whatever its time says`() throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    let command = ["convert", source, folder.file("out.npz"), "--json"]
    let reference = try Self.run(command)
    let whole = try folder.bytes("out.npz")

    try FileManager.default.removeItem(atPath: folder.file("out.npz"))
    for change in ["another command", "another source", "no --resume", "another content"] {
      _ = try unfinished(command, in: folder, seconds: reference.seconds)
      var next = command + ["--resume"]
      if change == "another command" { next += ["--exclude", "layer.0"] }
      if change == "no --resume" { next = command }
      if change == "another source" {
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: source)
      }
      if change == "another content" {
        // As `cp -p` does: the same file, size and time.
        let time = try FileManager.default.attributesOfItem(atPath: source)[.modificationDate] as? Date
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: source))
        try handle.seek(toOffset: 20_000_000)
        try handle.write(contentsOf: Data([1, 2, 3]))
        try handle.close()
        try FileManager.default.setAttributes([.modificationDate: time as Any], ofItemAtPath: source)
      }
      let anew = try Self.run(next)
      #expect(anew.exitCode == 0, "\(change): \(anew.standardError)")
      #expect(try Self.resumedParts(anew) == 0, "\(change)")
      if !["another command", "another content"].contains(change) {
        #expect(try folder.bytes("out.npz") == whole, "\(change)")
      }
      #expect(folder.entries().filter { $0.hasPrefix(".") } == [], "\(change)")
      try FileManager.default.removeItem(atPath: folder.file("out.npz"))
    }
  }
}
