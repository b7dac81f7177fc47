// SPDX-License-Identifier: Apache-2.0
// Hints name options of the command that was run; what another command can do is said to be that one's.
import Foundation
import IngotTestSupport
import Testing

@Suite struct HintTests {
  /// What a command says that is refused.
  private func refusal(_ arguments: String..., in folder: TemporaryFolder) throws -> String {
    var process = try IngotProgram.process(arguments)
    process.folder = folder.path
    let result = try process.run()
    #expect(result.exitCode == 65, "\(arguments): \(result.standardError)")
    return result.firstErrorLine
  }

  private func run(_ arguments: String..., in folder: TemporaryFolder) throws {
    var process = try IngotProgram.process(arguments)
    process.folder = folder.path
    let result = try process.run()
    #expect(result.exitCode == 0, "\(arguments): \(result.standardError)")
  }

  @Test func `an option of convert's is called so in other commands`() throws {
    let folder = try TemporaryFolder()
    let model = Fixture.path("kjv-gpt2")
    try run("convert", model, "bf16/", "--dtype", "bf16", in: folder)
    try run("quantize", model, "q8.ingot", "--scheme", "q8_0", in: folder)
    let foreign = "; `ingot convert` first: --dtype"
    for (input, output) in [("bf16", "q.npz"), ("q8.ingot", "q.safetensors"), ("q8.ingot", "q/")] {
      if input == "bf16" {
        let line = try refusal("quantize", input, output, in: folder)
        #expect(line.contains(foreign), "\(line)")
      }
      let own = try refusal("convert", input, output, "--dialect", "keep", in: folder)
      #expect(own.contains("; --dtype") && !own.contains("first:"), "\(own)")
    }
    // What a command has is its own.
    let rule = try refusal("quantize", Fixture.path("models/base"), "q.gguf", "--scheme", "q8_0", in: folder)
    #expect(rule.contains("; --rule") && !rule.contains("first:"), "\(rule)")
    try run("quantize", "bf16", "q.npz", "--npy-bits", in: folder)
  }

  @Test func `every option that a sentence may name is one of a command`() throws {
    let page = try Fixture.packageText("Sources/IngotReport/CommandNames.swift")
    let spellings = page.matches(of: /"(--[a-z0-9-]+)"/).map { String($0.1) }
    #expect(spellings.count > 30)
    let commands = [
      "convert", "corpus", "diff", "edit", "eval", "formats", "generate", "graph", "hash", "init", "inspect",
      "merge", "quantize", "record", "report", "sensitivity", "show", "tokenize", "validate", "verify",
      "zero-shot",
    ]
    var known = Set<String>()
    for command in commands {
      let help = try IngotProgram.process([command, "--help"]).run().standardOutput
      known.formUnion(help.matches(of: /--[a-z0-9-]+/).map { String($0.0) })
    }
    #expect(Set(spellings).subtracting(known).isEmpty)
  }
}
