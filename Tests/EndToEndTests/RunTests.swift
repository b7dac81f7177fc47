// SPDX-License-Identifier: Apache-2.0
// Running a model as a process: the memory that a forward pass takes, and a file that shrinks while it is mapped.
import Foundation
import IngotTestSupport
import Testing

@Suite struct RunTests {
  /// An untrained model of 46 MB, with a context of 1,024.
  private static func model(in folder: TemporaryFolder) throws -> String {
    let config = """
      {"model_type": "gpt2", "n_embd": 256, "n_layer": 4, "n_head": 4, "n_positions": 1024, "vocab_size": 32768}
      """
    try config.write(toFile: folder.file("small.json"), atomically: true, encoding: .utf8)
    let arguments = ["init", "gpt2", "--config", folder.file("small.json"), folder.file("model/")]
    let result = try IngotProgram.process(arguments).run()
    #expect(result.exitCode == 0, "\(result.standardError)")
    return folder.file("model")
  }

  private static func tokens(_ count: Int) -> String {
    (0..<count).map { String($0 * 7919 % 32768) }.joined(separator: ",")
  }

  /// The bound of a run beyond its weights and what it was asked for.
  private static let memoryBound = 64 << 20

  @Test(arguments: ["auto", "bf16", "w8a8"])
  func `a forward pass takes its weights, the logits asked for and 64 MiB`(_ precision: String) throws {
    let folder = try TemporaryFolder()
    var path = try Self.model(in: folder)
    if precision == "w8a8" {
      let result = try IngotProgram.run("quantize", path, folder.file("int8/"))
      #expect(result.exitCode == 0, "\(result.standardError)")
      path = folder.file("int8")
    }
    let own = try IngotProgram.run("--version").peakResidentBytes
    let attributes = try FileManager.default.attributesOfItem(atPath: path + "/model.safetensors")
    let weights = try #require(attributes[.size] as? Int)
    let result = try IngotProgram.run(
      "generate", path, "--tokens", Self.tokens(1000), "--max-tokens", "2", "--precision", precision)
    #expect(result.exitCode == 0, "\(result.standardError)")
    #expect(result.peakResidentBytes - own <= weights + Self.memoryBound)
  }

  @Test func `a model that shrinks while it is mapped ends with 74`() throws {
    let folder = try TemporaryFolder()
    let path = try Self.model(in: folder)
    let line = """
      "$INGOT" generate "$MODEL" --tokens 1,2,3 --max-tokens 1000 & sleep 1
      truncate -s 100000 "$MODEL/model.safetensors"; wait $!
      """
    var process = ChildProcess("/bin/bash", ["-c", line])
    process.environment = ["MODEL": path, "INGOT": try IngotProgram.path()]
    let result = try process.run()
    #expect(result.exitCode == 74, "\(result.standardError)")
    #expect(result.outputBytes.isEmpty)
    #expect(result.firstErrorLine.hasPrefix("ingot: "))
  }

  @Test func `a model that shrinks while it is mapped is an object for programs with --json`() throws {
    let folder = try TemporaryFolder()
    // What JSON escapes is escaped by the handler of the fault too.
    let (path, link) = (try Self.model(in: folder), folder.file("a \"b\\é\nc"))
    let line = """
      ln -s "$MODEL" "$LINK"; "$INGOT" generate "$LINK" --tokens 1,2,3 --max-tokens 1000 --json & sleep 1
      truncate -s 100000 "$MODEL/model.safetensors"; wait $!
      """
    var process = ChildProcess("/bin/bash", ["-c", line])
    process.environment = ["MODEL": path, "LINK": link, "INGOT": try IngotProgram.path()]
    let result = try process.run()
    #expect(result.exitCode == 74 && result.standardError.hasSuffix("}\n"), "\(result.standardError)")
    let said = try JSONSerialization.jsonObject(with: Data(result.errorBytes)) as? [String: Any]
    let error = try #require(said?["error"] as? [String: Any])
    #expect(said?["schema"] as? Int == 1 && error["code"] as? Int == 74)
    #expect((error["path"] as? String)?.hasPrefix(link) == true)
    #expect(
      Set(error.keys) == ["code", "path", "place", "rule", "found", "expected", "help", "message"])
  }

  @Test func `threads that find a file cut short tell of it in one line`() throws {
    let folder = try TemporaryFolder()
    let path = try Self.model(in: folder)
    let weights = path + "/model.safetensors"
    _ = try PythonPeer.run(
      code: """
        import sys, numpy as np
        np.save(sys.argv[1], np.random.default_rng(0).integers(0, 32768, 60_000).astype(np.int32))
        """, [folder.file("tokens.npy")])
    try folder.copy(weights, as: "whole")
    for _ in 0..<5 {
      // Written over, not replaced: a run has the file itself mapped.
      let line = """
        cat "$FOLDER/whole" > "$WEIGHTS"; "$INGOT" eval "$MODEL" --tokens "$FOLDER/tokens.npy" &
        until grep -q "$WEIGHTS" /proc/$!/maps; do sleep 0.01; kill -0 $! || break; done; sleep 0.3
        truncate -s 4096 "$WEIGHTS"; wait $!
        """
      var process = ChildProcess("/bin/bash", ["-c", line])
      process.environment = [
        "MODEL": path, "WEIGHTS": weights, "FOLDER": folder.path, "INGOT": try IngotProgram.path(),
      ]
      let result = try process.run()
      #expect(result.exitCode == 74, "\(result.standardError)")
      #expect(result.standardError.split(separator: "\n").count == 1, "\(result.standardError)")
      #expect(result.standardError.components(separatedBy: "ingot: ").count == 2, "\(result.standardError)")
    }
  }
}
