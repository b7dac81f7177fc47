// SPDX-License-Identifier: Apache-2.0
// What the world does to a command: a full disk, a source that shrinks, an interrupt, a reader that goes away.
import Foundation
import IngotTestSupport
import Testing

@Suite struct FaultTests {
  private static let model = Fixture.path("kjv-gpt2/model.safetensors")

  /// Lines of a shell that wait until a program in the background has read 64 MB of its source, or has ended.
  private static let hasRead =
    "while [ \"$(sed -n 's/^rchar: //p' /proc/$!/io)\" -lt 64000000 ]; do sleep 0.01; done 2>&-"

  /// Runs a line of shell; `$INGOT` is the program.
  private func shell(_ line: String, _ environment: [String: String] = [:]) throws -> ProcessResult {
    var process = ChildProcess("/bin/bash", ["-c", line])
    process.environment = environment
    process.environment["INGOT"] = try IngotProgram.path()
    return try process.run()
  }

  @Test(arguments: ["out.safetensors", "out.npz", "out.ingot", "folder/"])
  func `a file size limit ends with 74, and nothing is left`(_ output: String) throws {
    let folder = try TemporaryFolder()
    var process = try IngotProgram.process(["convert", Self.model, folder.file(output)])
    process.shellLimits = "-f 2000"
    let result = try process.run()
    #expect(result.exitCode == 74, "\(result.standardError)")
    #expect(result.firstErrorLine.hasPrefix("ingot: "))
    #expect(result.outputBytes.isEmpty)
    #expect(folder.entries() == [])
  }

  @Test func `a full disk ends with 74, and the old output is still there`() throws {
    let folder = try TemporaryFolder()
    let disk = folder.file("disk")
    // A file system of 6 MB in a namespace of its own. The trained model fits once, not twice.
    let line = """
      mkdir "$DISK" && mount -t tmpfs -o size=6m none "$DISK" && "$INGOT" convert "$MODEL" "$DISK/out.npz" -q || exit 99
      "$INGOT" convert "$MODEL" "$DISK/out.npz" --force; code=$?
      "$INGOT" hash "$DISK/out.npz" >&2 || exit 98
      [ "$(ls -A "$DISK")" = out.npz ] || exit 97
      exit $code
      """
    var process = ChildProcess("unshare", ["-rm", "/bin/bash", "-c", line])
    process.environment = ["DISK": disk, "MODEL": Self.model, "INGOT": try IngotProgram.path()]
    let isAllowed = (try? ChildProcess("unshare", ["-rm", "true"]).run().exitCode) == 0
    // Where namespaces are not allowed, the file size limit above is the full disk.
    guard isAllowed else { return #expect(ProcessInfo.processInfo.userName != "root") }
    let result = try process.run()
    #expect(result.exitCode == 74, "\(result.standardError)")
    #expect(result.standardError.contains("No space left on device"))
  }

  @Test func `a source that shrinks while it is read ends with 74`() throws {
    let folder = try TemporaryFolder()
    let source = try BigCheckpoint.write("big.safetensors", in: folder, tensorCount: 8, elementCount: 1 << 27)
    let line = "\"$INGOT\" hash \"$SOURCE\" & \(Self.hasRead); truncate -s 100000 \"$SOURCE\"; wait $!"
    let result = try shell(line, ["SOURCE": source])
    #expect(result.exitCode == 74, "\(result.standardError)")
    #expect(result.outputBytes.isEmpty)
    #expect(result.firstErrorLine.hasPrefix("ingot: \(source): "))
  }

  @Test(arguments: ["out.npz", "out.ingot", "out.safetensors"])
  func `a source that shrinks while threads convert it ends with 74, and nothing is left`(
    _ output: String
  ) throws {
    let folder = try TemporaryFolder()
    let source = try BigCheckpoint.write("big.safetensors", in: folder, tensorCount: 8, elementCount: 1 << 26)
    let line =
      "\"$INGOT\" convert \"$SOURCE\" \"$OUTPUT\" --jobs 3 & \(Self.hasRead); truncate -s 100000 \"$SOURCE\"; wait $!"
    let result = try shell(line, ["SOURCE": source, "OUTPUT": folder.file(output)])
    #expect(result.exitCode == 74, "\(result.standardError)")
    #expect(result.outputBytes.isEmpty)
    #expect(result.firstErrorLine.hasPrefix("ingot: \(source): "))
    #expect(folder.entries() == ["big.safetensors"])
  }

  @Test func `a source that changes while it is read ends with 74`() throws {
    let folder = try TemporaryFolder()
    let source = try BigCheckpoint.write("big.safetensors", in: folder, tensorCount: 8, elementCount: 1 << 27)
    let line =
      "\"$INGOT\" hash \"$SOURCE\" & \(Self.hasRead); printf x | dd of=\"$SOURCE\" seek=5000 bs=1 conv=notrunc 2>&-; wait $!"
    let result = try shell(line, ["SOURCE": source])
    #expect(result.exitCode == 74, "\(result.standardError)")
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGQUIT, SIGXCPU])
  func `an interrupt ends with 130, and nothing is left`(_ signal: Int32) throws {
    let folder = try TemporaryFolder()
    let source = try BigCheckpoint.write("big.safetensors", in: folder, tensorCount: 4, elementCount: 1 << 28)
    var process = try IngotProgram.process([
      "convert", source, folder.file("out.safetensors"), "--dtype", "bf16",
    ])
    process.killAfterReadByteCount = 1 << 20
    process.killSignal = signal
    let result = try process.run()
    #expect(result.exitCode == 130, "\(result.standardError)")
    #expect(folder.entries() == ["big.safetensors"])
  }

  @Test(arguments: [
    "inspect \"$MODEL\" --json", "convert \"$MODEL\" - --to safetensors", "--help", "hash \"$MODEL\" --json",
  ])
  func `a reader that goes away ends the program quietly`(_ command: String) throws {
    let line = "set -o pipefail; \"$INGOT\" \(command) | head -c 1 >/dev/null"
    let result = try shell(line, ["MODEL": Self.model])
    #expect(result.exitCode == 0)
    #expect(!result.standardError.contains("ingot: "))
  }

  @Test func `a reader that is slow gets all bytes`() throws {
    let folder = try TemporaryFolder()
    #expect(try IngotProgram.run("convert", Self.model, folder.file("a.ingot")).exitCode == 0)
    let line = "\"$INGOT\" convert \"$MODEL\" - --to ingot --jobs 4 | { sleep 0.5; cat; }"
    let piped = try shell(line, ["MODEL": Self.model])
    #expect(try piped.outputBytes == folder.bytes("a.ingot"))
  }

  @Test func `ten thousand jobs are as good as a few`() throws {
    let folder = try TemporaryFolder()
    for jobs in ["1", "10000"] {
      let result = try IngotProgram.run(
        "convert", Self.model, folder.file("\(jobs).npz"), "--jobs", jobs)
      #expect(result.exitCode == 0, "\(result.standardError)")
    }
    #expect(try folder.bytes("1.npz") == folder.bytes("10000.npz"))
  }

  @Test func `standard output gets the bytes that a file would get`() throws {
    let folder = try TemporaryFolder()
    for (format, name) in [("safetensors", "a.safetensors"), ("ingot", "a.ingot")] {
      let piped = try IngotProgram.run("convert", Self.model, "-", "--to", format)
      #expect(try IngotProgram.run("convert", Self.model, folder.file(name)).exitCode == 0)
      #expect(try piped.outputBytes == folder.bytes(name))
    }
    let config = Fixture.path("kjv-gpt2/config.json")
    for options in [[], ["--json"]] {
      for words in [
        ["init", "gpt2", "--config", config, "--seed", "7", "OUT"],
        ["quantize", Self.model, "OUT", "--config", config],
      ] {
        let name = "\(words[0])\(options.count).safetensors"
        let streaming = words.map { $0 == "OUT" ? "-" : $0 } + ["--to", "safetensors"] + options
        let piped = try IngotProgram.process(streaming).run()
        #expect(piped.exitCode == 0 && !piped.standardError.isEmpty)
        let writing = words.map { $0 == "OUT" ? folder.file(name) : $0 }
        #expect(try IngotProgram.process(writing).run().exitCode == 0)
        #expect(try piped.outputBytes == folder.bytes(name))
      }
    }
    let refused = try IngotProgram.run("convert", Self.model, "-", "--to", "npz")
    #expect(refused.exitCode == 65)
    #expect(refused.outputBytes.isEmpty)
  }

  /// The promised bound beyond the program's own memory: 64 MiB, twice the index, 256 bytes a tensor.
  ///
  /// Headers here have less than a kilobyte.
  private static let memoryBound = 64 << 20 + 2 * 1024 + 256 * 8

  @Test(arguments: [
    ["convert", "out.safetensors"], ["convert", "out.npz"], ["convert", "out.ingot", "--dtype", "f16"],
    ["hash"],
  ])
  func `memory does not grow with the checkpoint`(_ command: [String]) throws {
    let folder = try TemporaryFolder()
    let source = try BigCheckpoint.write("big.safetensors", in: folder, tensorCount: 4, elementCount: 1 << 26)
    let own = try IngotProgram.run("--version").peakResidentBytes
    var arguments = [command[0], source]
    if command.count > 1 { arguments += [folder.file(command[1])] + command.dropFirst(2) }
    let result = try IngotProgram.process(arguments).run()
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.peakResidentBytes - own <= Self.memoryBound)
  }

  @Test(arguments: [
    "convert SOURCE out.npz", "convert SOURCE out.ingot", "convert SOURCE out.gguf", "convert SOURCE out.pt",
    "convert SOURCE out.safetensors", "convert SOURCE out/ --to tensorflow",
    "convert SOURCE out/ --to safetensors --shard-size 300kB", "hash SOURCE", "hash SOURCE --json",
    "inspect SOURCE --stats", "inspect SOURCE --stats --json",
  ])
  func `memory grows with the source's index only, whatever is done`(_ command: String) throws {
    let folder = try TemporaryFolder()
    let (count, name) = (300_000, { (index: Int) in "sample.\(1_000_000 + index).x" })
    let source = try BigCheckpoint.write(
      "many.safetensors", in: folder, tensorCount: count, elementCount: 1, tensorName: name)
    let indexByteCount = try folder.bytes("many.safetensors").count - 4 * count
    let own = try IngotProgram.run("--version").peakResidentBytes
    let words = command.split(separator: " ").map { word in
      word == "SOURCE" ? source : word.hasPrefix("out") ? folder.file(String(word)) : String(word)
    }
    let result = try IngotProgram.process(words).run()
    #expect(result.exitCode == 0, "\(result.standardError)")
    // A pickle's objects take more (SECURITY.md).
    let bound = 64 << 20 + 2 * indexByteCount + (command.hasSuffix("pt") ? 512 : 256) * count
    #expect(result.peakResidentBytes - own <= bound, "\(result.peakResidentBytes - own) of \(bound)")
  }

  @Test func `many tensors whose names do not fold are listed in no time`() throws {
    let folder = try TemporaryFolder()
    let path = try BigCheckpoint.write("names.safetensors", in: folder, tensorCount: 50_000, elementCount: 1)
    {
      "odd\($0)name"
    }
    let result = try IngotProgram.run("inspect", path)
    #expect(result.exitCode == 0 && result.seconds < 20 * Patience.factor)
    #expect(result.standardOutput.contains("odd49999name"))
  }
}
