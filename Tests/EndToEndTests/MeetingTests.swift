// SPDX-License-Identifier: Apache-2.0
// Runs that meet at one output, runs that are stopped, and runs under tight limits.
import Foundation
import IngotTestSupport
import Testing

@Suite(.serialized) struct MeetingTests {
  /// Shell that waits until an unfinished output is there.
  private static let untilBegun = """
    until ls -A "$FOLDER" | grep -q '^\\.out'; do sleep 0.02; kill -0 $! || break; done; sleep 0.2
    """

  private func shell(_ line: String, _ environment: [String: String]) throws -> ProcessResult {
    var process = ChildProcess("/bin/bash", ["-c", line])
    process.environment = environment
    process.environment["INGOT"] = try IngotProgram.path()
    return try process.run()
  }

  /// Tensors of random numbers, as the library writes them.
  private func source(
    in folder: TemporaryFolder, tensors: Int, elements: Int, name: String = "in.safetensors"
  ) throws -> String {
    _ = try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import save_file
        rng = np.random.default_rng(1)
        save_file({f"t{i}": rng.standard_normal(int(sys.argv[3])).astype(np.float32) for i in range(int(sys.argv[2]))}, sys.argv[1])
        """, [folder.file(name), "\(tensors)", "\(elements)"])
    return folder.file(name)
  }

  @Test(arguments: [
    "out.npz", "out.safetensors --dtype f16", "out/ --to safetensors --shard-size 3MB",
    "out/ --to tensorflow",
  ])
  func `runs of one output at the same time each end well, and it is whole`(_ output: String) throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder, tensors: 4, elements: 500_000)
    for round in 0..<3 {
      let line = """
        cd "$FOLDER"; for i in 1 2 3 4 5; do "$INGOT" convert "$SOURCE" \(output) --force -q & pids="$pids $!"; done
        code=0; for p in $pids; do wait $p || code=$?; done; exit $code
        """
      let result = try shell(line, ["FOLDER": folder.path, "SOURCE": source])
      #expect(result.exitCode == 0, "round \(round): \(result.standardError)")
      #expect(folder.entries().filter { $0.hasPrefix(".") } == [])
    }
    let path = folder.file(String(output.prefix { $0 != " " }))
    if output.contains("f16") { return #expect(try IngotProgram.run("hash", path).exitCode == 0) }
    let digests = try [source, path].map { try IngotProgram.run("hash", $0).standardOutput.prefix(64) }
    #expect(digests[0] == digests[1])
  }

  @Test func `of runs without --force one makes the output, and the others end with 73`() throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder, tensors: 4, elements: 500_000)
    let line = """
      cd "$FOLDER"; for i in 1 2 3 4; do "$INGOT" convert "$SOURCE" out.npz -q & pids="$pids $!"; done
      for p in $pids; do wait $p; echo $?; done
      """
    let result = try shell(line, ["FOLDER": folder.path, "SOURCE": source])
    #expect(
      result.standardOutput.split(separator: "\\n").joined().split(separator: "\n").sorted() == [
        "0", "73", "73", "73",
      ])
    #expect(folder.entries() == ["in.safetensors", "out.npz"])
  }

  // MARK: - Descriptors

  @Test(arguments: [
    "out/ --to safetensors --shard-size 200B", "out/ --to gguf --shard-size 200B",
    "out/ --to pytorch --shard-size 200B", "out/ --to tensorflow --shard-size 200B",
    "out/ --to safetensors --shard-size 64B --dtype f16 --check",
  ])
  func `a set of more files than a process may open is written and read`(_ output: String) throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder, tensors: 300, elements: 32)
    let line = """
      ulimit -n 48; cd "$FOLDER" && "$INGOT" convert "$SOURCE" \(output) -q && "$INGOT" hash out &&
      "$INGOT" convert out back.npz -q
      """
    let result = try shell(line, ["FOLDER": folder.path, "SOURCE": source])
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(folder.entries().count { $0.hasPrefix("out/") } >= 300)
    if !output.contains("f16") {
      #expect(
        try IngotProgram.run("hash", source).standardOutput.prefix(64) == result.standardOutput.prefix(64))
    }
  }

  @Test func `without a descriptor left, nothing is left behind`() throws {
    let folder = try TemporaryFolder()
    let source = try source(in: folder, tensors: 40, elements: 32)
    for limit in 4...14 {
      let line = "ulimit -n \(limit); \"$INGOT\" convert \"$SOURCE\" \"$FOLDER/out/\" --shard-size 200B -q"
      let result = try shell(line, ["FOLDER": folder.path, "SOURCE": source])
      #expect(folder.entries().filter { $0.hasPrefix(".") } == [], "\(limit): \(result.standardError)")
      try? FileManager.default.removeItem(atPath: folder.file("out"))
    }
  }

  // MARK: - Signals

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `every signal that ends a run leaves nothing`(_ signal: Int32) throws {
    let folder = try TemporaryFolder()
    let source = try BigCheckpoint.write("big.safetensors", in: folder, tensorCount: 8, elementCount: 1 << 27)
    for output in ["out.npz", "out/"] {
      let line = """
        "$INGOT" convert "$SOURCE" "$FOLDER/\(output)" -q & \(Self.untilBegun)
        kill -\(signal) $!; wait $!
        """
      let result = try shell(line, ["FOLDER": folder.path, "SOURCE": source])
      #expect(result.exitCode == 130, "\(result.standardError)")
      #expect(result.standardError == "ingot: interrupted\n")
      #expect(folder.entries() == ["big.safetensors"])
    }
  }

  @Test func `under nohup a lost connection ends nothing`() throws {
    let folder = try TemporaryFolder()
    let source = try BigCheckpoint.write("big.safetensors", in: folder, tensorCount: 4, elementCount: 1 << 24)
    let line = """
      trap '' HUP; "$INGOT" convert "$SOURCE" "$FOLDER/out.npz" -q & sleep 0.05; kill -HUP $!; wait $!
      """
    let result = try shell(line, ["FOLDER": folder.path, "SOURCE": source])
    #expect(result.exitCode == 0, "\(result.standardError)")
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `a run that waits for its reader ends at once`(_ signal: Int32) throws {
    let model = Fixture.path("kjv-gpt2/model.safetensors")
    let line = """
      mkfifo "$FOLDER/pipe"; sleep 20 < "$FOLDER/pipe" &
      exec "$INGOT" convert "$MODEL" - --to safetensors > "$FOLDER/pipe"
      """
    let folder = try TemporaryFolder()
    var process = ChildProcess("/bin/bash", ["-c", line])
    process.environment = ["INGOT": try IngotProgram.path(), "MODEL": model, "FOLDER": folder.path]
    process.killAfterSeconds = 1 * Patience.factor
    process.killSignal = signal
    let result = try process.run()
    #expect(result.exitCode == 130, "\(result.standardError)")
    #expect(result.seconds < 10 * Patience.factor)

  }

  @Test func `a run that only reads headers ends at once`() throws {
    let folder = try TemporaryFolder()
    // A header that takes seconds to read.
    let source = try BigCheckpoint.write(
      "many.safetensors", in: folder, tensorCount: 400_000, elementCount: 1)
    var process = try IngotProgram.process(["inspect", source, "--json"])
    process.killAfterSeconds = 0.3 * Patience.factor
    process.killSignal = SIGTERM
    let result = try process.run()
    #expect(result.exitCode == 130, "\(result.standardError)")
    #expect(result.outputBytes.isEmpty)
    #expect(result.seconds < 0.3 + 1 * Patience.factor)
  }

  // MARK: - Going on

  @Test func `an interrupted run is kept when --resume was given, and only then`() throws {
    let folder = try TemporaryFolder()
    let source = try BigCheckpoint.write(
      "big.safetensors", in: folder, tensorCount: 64, elementCount: 1 << 23)
    func run(_ options: [String], interrupted: Bool) throws -> ProcessResult {
      let command = "\"$INGOT\" convert \"$SOURCE\" \"$FOLDER/out.npz\" \(options.joined(separator: " "))"
      return try shell(
        interrupted ? "\(command) & \(Self.untilBegun); kill -INT $!; wait $!" : command,
        ["FOLDER": folder.path, "SOURCE": source])
    }
    #expect(try run([], interrupted: true).exitCode == 130)
    #expect(folder.entries() == ["big.safetensors"])
    #expect(try run(["--resume"], interrupted: true).exitCode == 130)
    #expect(folder.entries().count > 1)
    let resumed = try run(["--resume"], interrupted: false)
    #expect(resumed.exitCode == 0)
    #expect(resumed.standardOutput.contains("went on behind"), "\(resumed.standardOutput)")
    #expect(folder.entries() == ["big.safetensors", "out.npz"])
    // Nothing is left to go on with: that is said.
    let anew = try run(["--resume", "--force"], interrupted: false)
    #expect(anew.standardOutput.contains("nothing to resume"))
    // What was kept and is not gone on with is removed, and that is said too.
    #expect(try run(["--resume", "--force"], interrupted: true).exitCode == 130)
    let removed = try run(["--force"], interrupted: false)
    #expect(
      removed.standardOutput.contains("that a killed run had left; --resume goes on"),
      "\(removed.standardOutput)")
    #expect(folder.entries() == ["big.safetensors", "out.npz"])
  }

  // MARK: - Names

  @Test(arguments: [200, 201, 240, 252, 255])
  func `a name as long as a file system takes is an output's`(_ length: Int) throws {
    let folder = try TemporaryFolder()
    for letter in ["n", "é"] {
      let count = (length - ".npz".utf8.count) / letter.utf8.count
      let name = String(repeating: letter, count: count) + ".npz"
      let model = Fixture.path("kjv-gpt2/model.safetensors")
      let result = try IngotProgram.run("convert", model, folder.file(name))
      #expect(result.exitCode == 0, "\(result.standardError)")
      #expect(folder.entries() == [name])
      try FileManager.default.removeItem(atPath: folder.file(name))
    }
    let stem = String(repeating: "e", count: length - ".safetensors".utf8.count)
    let path = try folder.copy(
      Fixture.path("golden/safetensors/odd-names.safetensors"), as: stem + ".safetensors")
    #expect(try IngotProgram.run("edit", path, "--remove", "*", "--in-place").exitCode == 0)
    #expect(try IngotProgram.run("edit", path, "--set", "a=b").exitCode == 0)
    #expect(folder.entries() == [stem + ".safetensors"])
  }

  @Test func `what another name's run has left is not touched, though it looks the same`() throws {
    let folder = try TemporaryFolder()
    // é as one scalar, and as two: to a file system these are two names.
    let (composed, decomposed) = ("\u{E9}.npz", "e\u{301}.npz")
    try folder.write("x", to: ".\(decomposed).ingot-partial-1/journal")
    let model = Fixture.path("kjv-gpt2/model.safetensors")
    #expect(try IngotProgram.run("convert", model, folder.file(composed)).exitCode == 0)
    #expect(
      folder.entries().contains { $0.utf8.elementsEqual(".\(decomposed).ingot-partial-1/journal".utf8) })
  }
}
