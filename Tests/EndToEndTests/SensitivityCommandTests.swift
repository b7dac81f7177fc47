// SPDX-License-Identifier: Apache-2.0
// `ingot sensitivity`, stopped and gone on with, and what `ingot quantize` makes of its table.
import Foundation
import IngotTestSupport
import Testing

@Suite struct SensitivityCommandTests {
  private static let model = Fixture.path("kjv-gpt2")
  private static let tokens = Fixture.path("kjv-gpt2/heldout.npy")

  private struct Table: Decodable {
    struct Weight: Decodable { let name: String, kl: [String: Double] }
    let resumed: Int, tokens: Int, calibrated: Bool, weights: [Weight]
  }

  @Test func `a stopped run is gone on with, and comes to the same`() throws {
    let folder = try TemporaryFolder()
    let words = ["sensitivity", Self.model, "--tokens", Self.tokens, "--token-limit", "2048"]
    let whole = try IngotProgram.process(words + ["-o", folder.file("whole.jsonl"), "-q"]).run()
    #expect(whole.exitCode == 0, "\(whole.standardError)")
    // Stopped once the third weight is noted.
    let line = """
      "$INGOT" \(words.joined(separator: " ")) -o "$FOLDER/out.jsonl" --resume -q &
      until [ "$(cat "$FOLDER"/.out.jsonl*/* 2> /dev/null | grep -c kl)" -ge 3 ]; do sleep 0.01; kill -0 $! || break; done
      kill -INT $!; wait $!
      """
    var process = ChildProcess("/bin/bash", ["-c", line])
    process.environment = ["FOLDER": folder.path, "INGOT": try IngotProgram.path()]
    let stopped = try process.run()
    #expect(stopped.exitCode == 130, "\(stopped.standardError)")
    #expect(!folder.entries().contains("out.jsonl"))
    let again = try IngotProgram.process(words + ["-o", folder.file("out.jsonl"), "--resume", "--json"]).run()
    #expect(again.exitCode == 0, "\(again.standardError)")
    let table = try JSONDecoder().decode(Table.self, from: Data(again.outputBytes))
    #expect(table.resumed >= 3 && table.weights.count == 17 && table.tokens == 2048 && !table.calibrated)
    #expect(table.weights.allSatisfy { $0.kl.count == 6 })
    let paths = ["out.jsonl", "whole.jsonl"].map(folder.file)
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: paths[0])) == Data(contentsOf: URL(fileURLWithPath: paths[1]))
    )
    #expect(folder.entries() == ["out.jsonl", "whole.jsonl"])

    let small = try IngotProgram.run(
      "quantize", Self.model, folder.file("small.ingot"), "--max-bits", "8.4", "--sensitivities", paths[0])
    #expect(small.exitCode == 0, "\(small.standardError)")
    #expect(small.standardOutput.contains("schemes chosen for at most 8.400 bits a weight"))
    #expect(small.standardOutput.contains("chosen"))
    let refused = try IngotProgram.run(
      "quantize", Self.model, folder.file("o.ingot"), "--max-bits", "6", "--sensitivities", paths[0])
    #expect(refused.exitCode == 1 && refused.standardOutput.isEmpty)
    #expect(
      refused.standardError.hasPrefix("ingot: --max-bits: 6.0 can't be kept"), "\(refused.standardError)")
    #expect(!folder.entries().contains("o.ingot"))
  }

  @Test(arguments: [
    ["--max-bits", "8", "--max-kl", "1e-4"], ["--max-bits", "8", "--scheme", "int8"], ["--max-bits", "-1"],
    ["--max-kl", "nan"], ["--max-bits", "8.5"], ["--sensitivities", "x.jsonl"],
  ])
  func `budgets that mean nothing are refused`(_ words: [String]) throws {
    let folder = try TemporaryFolder()
    let result = try IngotProgram.process(["quantize", Self.model, folder.file("o.ingot")] + words).run()
    #expect(result.exitCode == 64, "\(words): \(result.standardError)")
    #expect(folder.entries().isEmpty)
  }
}
