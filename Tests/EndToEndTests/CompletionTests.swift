// SPDX-License-Identifier: Apache-2.0
// What shells complete: files where an argument takes a path, and the known values where there are known ones. bash is asked
// here, zsh and fish by `make test-peers`.
import Foundation
import IngotTestSupport
import Testing

@Suite struct CompletionTests {
  /// A line without its end, and the words that are there when it is completed.
  private static let lines: [(typed: String, completed: [String])] = [
    ("ingot validate wei", ["validate", "weights.npz"]),
    ("ingot convert weights.npz outp", ["convert", "weights.npz", "output.gguf"]),
    ("ingot diff --config conf", ["diff", "--config", "config.json"]),
    ("ingot eval weights.npz --text sto", ["eval", "weights.npz", "--text", "story.txt"]),
    ("ingot merge weights.npz outp", ["merge", "weights.npz", "output.gguf"]),
    ("ingot record weights.npz -o outp", ["record", "weights.npz", "-o", "output.gguf"]),
    ("ingot convert a b --to tens", ["convert", "a", "b", "--to", "tensorflow"]),
    ("ingot merge a b c --dtype bf", ["merge", "a", "b", "c", "--dtype", "bf16"]),
    ("ingot hash --as nano", ["hash", "--as", "nanogpt"]),
    ("ingot quantize a b --for vl", ["quantize", "a", "b", "--for", "vllm"]),
    ("ingot init mixt", ["init", "mixtral"]),
    ("ingot zero-shot a --template lamb", ["zero-shot", "a", "--template", "lambada"]),
    ("ingot formats --color nev", ["formats", "--color", "never"]),
    ("ingot convert a b --on-ov", ["convert", "a", "b", "--on-overflow"]),
    ("ingot detok", ["detokenize"]),
    ("ingot quantize a b --scheme int8-gr", ["quantize", "a", "b", "--scheme", "int8-group:"]),
    ("ingot quantize a b --scheme int8-group:3", ["quantize", "a", "b", "--scheme", "int8-group:32"]),
    ("ingot quantize a b --scheme=int8-group:12", ["quantize", "a", "b", "--scheme=int8-group:128"]),
    ("ingot convert a b --to=saf", ["convert", "a", "b", "--to=safetensors"]),
    ("ingot convert --rename=a=b wei", ["convert", "--rename=a=b", "weights.npz"]),
    ("ingot record a --output=outp", ["record", "a", "--output=output.gguf"]),
    ("ingot help ins", ["help", "inspect"]),
  ]

  @Test func `bash completes paths and known values`() throws {
    let folder = try TemporaryFolder()
    for name in ["weights.npz", "output.gguf", "config.json", "story.txt"] { try folder.write("", to: name) }
    let input = Self.lines.map(\.typed).joined(separator: "\n") + "\n"
    let done = try PythonPeer.run(
      "Tests/Peers/shell_completions.py", ["bash", try IngotProgram.path(), folder.path],
      input: Array(input.utf8))
    let answers = done.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
    for (line, answer) in zip(Self.lines, answers) {
      #expect(answer == line.completed.map { "<\($0)>" }.joined(), "\(line.typed)")
    }
    #expect(answers.count > Self.lines.count)
  }

  private struct Argument: Decodable {
    struct Completion: Decodable {
      struct Words: Decodable { var values: [String] }
      struct Files: Decodable {}
      var list: Words?
      var file: Files?
      var directory: Files?
    }
    struct Name: Decodable { var name: String }
    var kind: String
    var valueName: String?
    var names: [Name]?
    var allValues: [String]?
    var completionKind: Completion?
  }
  private struct Command: Decodable {
    var commandName: String
    var arguments: [Argument]?
    var subcommands: [Command]?
  }
  private struct Tool: Decodable { var command: Command }

  /// Positional arguments that are not paths.
  private static let words = ["architecture", "globs", "rule", "subcommands", "tensor"]

  @Test func `every path and every option with known values has completions`() throws {
    let help = try IngotProgram.run("--experimental-dump-help").standardOutput
    let tool = try JSONDecoder().decode(Tool.self, from: Data(help.utf8))
    var count = 0
    for command in tool.command.subcommands ?? [] {
      for argument in command.arguments ?? [] where argument.kind != "flag" {
        let name = argument.names?.first?.name ?? argument.valueName ?? ""
        let place = "\(command.commandName) \(name)"
        if let values = argument.allValues {
          count += 1
          #expect(argument.completionKind?.list?.values == values, "\(place)")
        }
        let isPath =
          argument.kind == "positional"
          ? !Self.words.contains(name)
          : ["file", "folder", "model", "path=weight"].contains(argument.valueName ?? "")
        guard isPath else { continue }
        count += 1
        let completion = argument.completionKind
        #expect(completion?.file != nil || completion?.directory != nil, "\(place)")
      }
    }
    #expect(count > 80)
  }
}
