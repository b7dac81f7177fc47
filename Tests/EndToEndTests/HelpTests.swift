// SPDX-License-Identifier: Apache-2.0
// Help and man pages: examples that fit a line and run, and a page for every command.
import Foundation
import IngotTestSupport
import Testing

@Suite struct HelpTests {
  /// The commands that the program's own help lists.
  private static func commands() throws -> [String] {
    let help = try IngotProgram.run("--help").standardOutput
    return help.matches(of: /(?m)^  ([a-z][a-z-]*)  +[A-Z]/).map { String($0.1) }.filter { $0 != "help" }
  }

  private static func examples(_ command: String) throws -> [String] {
    var process = try IngotProgram.process([command, "--help"])
    process.environment["COLUMNS"] = "80"
    let help = try process.run().standardOutput
    guard let start = help.firstMatch(of: /\nEXAMPLES?\n/) else { return [] }
    let lines = help[start.range.upperBound...].split(separator: "\n", omittingEmptySubsequences: false)
    return lines.prefix { !$0.isEmpty }.map(String.init)
  }

  @Test(arguments: ["convert", "hash"]) func `all dialects are listed`(_ command: String) throws {
    let refused = try IngotProgram.run("hash", Fixture.path("models/base"), "--as", "none").firstErrorLine
    let known = try #require(refused.split(separator: "known are ").last).split(separator: ", ")
    let help = try IngotProgram.run(command, "--help").standardOutput
    let words = Set(help.split { !$0.isLetter && !$0.isNumber })
    #expect(known.count > 9 && Set(known).subtracting(words).isEmpty, "\(known)")
  }

  @Test func `an example stands on one line of a terminal`() throws {
    let commands = try Self.commands()
    #expect(commands.count > 18)
    for command in commands {
      let examples = try Self.examples(command)
      #expect(!examples.isEmpty, "\(command)")
      for line in examples {
        #expect(line.hasPrefix("  ") && line.contains("ingot \(command)"), "\(command): \(line)")
      }
    }
  }

  /// A folder with what the examples name.
  private static func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let model = Fixture.path("kjv-gpt2")
    for name in ["config.json", "model.safetensors", "tokenizer.json", "vocab.json", "merges.txt"]
    where FileManager.default.fileExists(atPath: model + "/" + name) {
      try folder.copy(model + "/" + name, as: "gpt2-\(name)")
    }
    let prepare = """
      mkdir gpt2 && for file in gpt2-*; do mv "$file" "gpt2/${file#gpt2-}"; done
      cp gpt2/model.safetensors . && cp gpt2/model.safetensors unet.safetensors && cp gpt2/config.json small.json
      ingot convert model.safetensors model.npz -q && ingot convert model.safetensors gpt2.pt -q
      ingot convert model.safetensors model.pt -q --rename '*=module.*'
      ingot convert gpt2 model.gguf -q --for llama.cpp && ingot convert gpt2 model.ingot -q
      ingot edit model.ingot --set training.steps=3 -q
      gzip -k model.safetensors && echo '{{ messages }}' > chat.jinja && echo 'module.*=*' > names.txt
      cp -r "$LLAMA" llama && cp gpt2/config.json .
      """
    let run = try shell(prepare, in: folder, environment: ["LLAMA": Fixture.path("adapters/base/llama")])
    #expect(run.exitCode == 0, "\(run.standardError)")
    return folder
  }

  private static func shell(
    _ script: String, in folder: TemporaryFolder, environment: [String: String] = [:]
  ) throws -> ProcessResult {
    let bin = URL(fileURLWithPath: try IngotProgram.path()).deletingLastPathComponent().path
    var process = ChildProcess("/bin/sh", ["-ec", script])
    process.folder = folder.path
    process.environment = environment.mapValues { Optional($0) }
    process.environment["PATH"] = bin + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "")
    return try process.run()
  }

  @Test(arguments: ["convert", "edit", "explain", "validate"])
  func `the examples run`(_ command: String) throws {
    let folder = try Self.folder()
    let examples = try Self.examples(command)
    for example in examples where !example.contains("--for meta") {
      // One writes where another reads.
      let line = example.replacing("ingot convert", with: "ingot convert --force")
      let run = try Self.shell(line, in: folder)
      #expect(run.exitCode == 0, "\(line): \(run.standardError)")
    }
    #expect(examples.count > 2)
  }

  @Test func `there is a man page for every command, with all of its options`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run("Scripts/man-pages", [try IngotProgram.path(), folder.file("man")])
    for command in try Self.commands() {
      let page = try String(contentsOfFile: folder.file("man/ingot-\(command).1"), encoding: .utf8)
      #expect(page.hasPrefix(".TH INGOT\\-\(command.uppercased().replacing("-", with: "\\-")) 1 "))
      let help = try IngotProgram.run(command, "--help").standardOutput
      for option in Set(help.matches(of: /(?m)^  (?:-\w, )?(--[a-z0-9-]+)/).map({ String($0.1) })) {
        #expect(page.contains("\\fB\(option.replacing("-", with: "\\-"))\\fR"), "\(command) \(option)")
      }
      #expect(page.contains(".SH EXAMPLES"), "\(command)")
    }
    let main = try String(contentsOfFile: folder.file("man/ingot.1"), encoding: .utf8)
    #expect(main.contains(".BR ingot\\-convert (1)") && main.contains("\\fB73\\fR"))
  }

  @Test func `installing puts program, pages and completions in their places`() throws {
    let folder = try TemporaryFolder()
    let process = ChildProcess(
      Fixture.packagePath("Scripts/install"), [try IngotProgram.path(), folder.path])
    let run = try process.run()
    #expect(run.exitCode == 0, "\(run.standardError)")
    #expect(try ChildProcess(folder.file("bin/ingot"), ["-V"]).run().exitCode == 0)
    let places = [
      "share/man/man1/ingot.1", "share/man/man1/ingot-zero-shot.1", "share/bash-completion/completions/ingot",
      "share/zsh/site-functions/_ingot", "share/fish/vendor_completions.d/ingot.fish",
    ]
    for place in places { #expect(try folder.bytes(place).count > 1000, "\(place)") }
  }

  @Test func `the version names the program, and the commit where make has built it`() throws {
    let text = try IngotProgram.run("--version").standardOutput
    let commit = ProcessInfo.processInfo.environment["INGOT_COMMIT"] ?? ""
    let end = commit.isEmpty ? "( \\([0-9a-f]+\\))?" : " \\(\(commit)\\)"
    #expect(
      text.range(of: "^ingot [0-9]+\\.[0-9]+\\.[0-9]+\(end)\n$", options: .regularExpression) != nil,
      "\(text)")
    #expect(try IngotProgram.run("-V").standardOutput == text)
  }
}
