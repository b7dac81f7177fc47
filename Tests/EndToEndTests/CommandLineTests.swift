// SPDX-License-Identifier: Apache-2.0
// Manners of the command line: what is no option and no command, standard input and output, colours, errors for programs.
import Foundation
import IngotTestSupport
import Testing

@Suite struct CommandLineTests {
  private static let weights = Fixture.path("models/base/model.safetensors")

  // MARK: - Words that are not known

  @Test(arguments: ["-hash.npz", "-vh.pt", "-xh", "-chart.gguf"])
  func `a word of letters behind a dash is an unknown option, with an h in it too`(_ word: String) throws {
    for command in ["inspect", "convert", "hash"] {
      let run = try IngotProgram.run(command, word)
      #expect(run.exitCode == 64 && run.standardOutput.isEmpty, "\(command) \(word)")
      #expect(run.firstErrorLine.hasPrefix("ingot: Unknown option '"), "\(run.firstErrorLine)")
    }
    #expect(try IngotProgram.run("inspect", "-vh").exitCode == 0)
  }

  @Test func `help of what is no command is refused, with the nearest one`() throws {
    for words in [["help", "inspct"], ["help", "inspect", "inspct"], ["inspct"]] {
      let run = try IngotProgram.process(words).run()
      #expect(run.exitCode == 64 && run.standardOutput.isEmpty, "\(words)")
      #expect(run.firstErrorLine == "ingot: there is no command inspct; did you mean inspect?")
    }
    #expect(try IngotProgram.run("help", "validate").standardOutput.hasPrefix("OVERVIEW: Say whether"))
    #expect(try IngotProgram.run("help").exitCode == 0)
  }

  @Test func `-V says the version`() throws {
    let version = try IngotProgram.run("--version").standardOutput
    #expect(try IngotProgram.run("-V").standardOutput == version)
    #expect(version.contains(/^ingot \d+\.\d+\.\d+( \([0-9a-f]{7,}\))?\n$/), "\(version)")
  }

  // MARK: - Colour

  @Test func `--color decides where there is no terminal`() throws {
    let plain = try IngotProgram.run("formats").standardOutput
    #expect(!plain.contains("\u{1B}"))
    #expect(try IngotProgram.run("formats", "--color", "never").standardOutput == plain)
    #expect(try IngotProgram.run("formats", "--color=auto").standardOutput == plain)
    for words in [["--color", "always"], ["--color=always"]] {
      let colored = try IngotProgram.process(["formats"] + words).run().standardOutput
      #expect(colored.contains("\u{1B}["))
      #expect(colored.replacing(/\u{1B}\[\d+m/, with: "") == plain)
      let error = try IngotProgram.process(["inspect", "nowhere"] + words).run().standardError
      #expect(error.hasPrefix("\u{1B}[31mingot: \u{1B}[0m"), "\(error)")
    }
    #expect(try IngotProgram.run("formats", "--color", "sometimes").exitCode == 64)
  }

  // MARK: - Standard output

  @Test(arguments: ["gguf", "ingot", "npy"])
  func `a checkpoint is not written to a terminal`(_ format: String) throws {
    let include = format == "npy" ? ["--include", "*wpe.weight"] : []
    let answer = try PythonPeer.run(
      code: """
        import os, pty, sys
        shown = b""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(sys.argv[1], sys.argv[1:])
        try:
            while True: shown += os.read(terminal, 65536)
        except OSError: pass
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode().splitlines()[0])
        """, [try IngotProgram.path(), "convert", Self.weights, "-", "--to", format] + include)
    #expect(answer.standardOutput.hasPrefix("73 "), "\(answer.standardOutput)")
    #expect(answer.standardOutput.contains("standard output: is a terminal, which can't show \(format)"))
  }

  /// What `ingot convert --help` says can be streamed.
  @Test func `the formats that can be streamed are those that the help names`() throws {
    let help = try IngotProgram.run("convert", "--help").standardOutput
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let named = try #require(help.firstMatch(of: /standard output \(([a-z0-9, ]+)\)/)).1
      .split(separator: ", ").map(String.init)
    let formats = [
      "ingot", "gguf", "pytorch", "npz", "npy", "llmc", "safetensors", "tensorflow", "openai-params",
    ]
    for format in formats {
      let options = format == "npy" ? ["--include", "transformer.wpe.weight"] : []
      let model = Fixture.path("kjv-gpt2")
      let run = try IngotProgram.process(["convert", model, "-", "--to", format] + options).run()
      let isStreamed = run.exitCode == 0 && !run.outputBytes.isEmpty
      #expect(isStreamed == named.contains(format), "\(format): \(run.firstErrorLine)")
    }
    #expect(Set(named).subtracting(formats) == ["llama2c"])
    let llama = Fixture.path("golden/llama2c/version-1-tied.bin")
    let run = try IngotProgram.run("convert", llama, "-", "--to", "llama2c")
    #expect(run.exitCode == 0 && !run.outputBytes.isEmpty, "\(run.firstErrorLine)")
  }

  // MARK: - Standard input

  @Test(arguments: ["safetensors", "gguf", "npz", "pt", "ingot"])
  func `standard input is read as a file is`(_ format: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model.\(format)")
    #expect(try IngotProgram.run("convert", Self.weights, path, "--dialect", "keep").exitCode == 0)
    let bytes = try folder.bytes("model.\(format)")
    func run(_ arguments: String...) throws -> ProcessResult {
      var process = try IngotProgram.process(arguments)
      process.input = bytes
      process.folder = folder.path
      return try process.run()
    }
    // What is beside the weights in the current folder is none of it.
    try folder.write("{", to: "config.json")
    let own = try IngotProgram.run("hash", path).standardOutput.prefix(64)
    #expect(try run("hash", "-").standardOutput == own + "  -\n")
    let inspection = try run("inspect", "-")
    #expect(
      inspection.standardOutput.contains("1 file"), "\(inspection.standardOutput)\(inspection.standardError)")
    #expect(try run("diff", "-", path).exitCode == 0)
    #expect(try run("convert", "-", "copy.npz").exitCode == 0)
    #expect(try IngotProgram.run("hash", folder.file("copy.npz")).standardOutput.prefix(64) == own)
    #expect(try run("inspect", "--security", "-").exitCode == 0)
    #expect(try run("convert", "-", "again.npz", "--resume").exitCode == 64)
    #expect(try run("edit", "-", "--set", "a=b").exitCode == 65)
  }

  @Test func `a model on standard input has its config inside, or by --config`() throws {
    let folder = try TemporaryFolder()
    #expect(
      try IngotProgram.run("convert", Fixture.path("models/base"), folder.file("m.ingot")).exitCode == 0)
    var process = try IngotProgram.process(["validate", "-"])
    process.input = try folder.bytes("m.ingot")
    #expect(try process.run().exitCode == 0)
    process = try IngotProgram.process(["validate", "-"])
    process.input = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.weights)))
    let refusal = try process.run()
    #expect(refusal.exitCode == 66)
    #expect(refusal.firstErrorLine.hasPrefix("ingot: standard input: has no config inside; --config FILE"))
    process.arguments = [
      "generate", "-", "--config", Fixture.path("models/base/config.json"), "--tokens", "1,2",
    ]
    let generated = try process.run()
    #expect(generated.exitCode == 0 && !generated.standardOutput.isEmpty, "\(generated.standardError)")
  }

  @Test(
    arguments: [
      ["hash", "--manifest", "-"], ["eval", weights, "--text", "-"], ["graph", weights, "--config", "-"],
      ["zero-shot", weights, "--task", "-"], ["convert", weights, "o.npz", "--rename-file", "-"],
      ["quantize", weights, "o.ingot", "--measure", "-"],
    ])
  func `a file that is read whole is not standard input`(_ arguments: [String]) throws {
    let run = try IngotProgram.process(arguments).run()
    #expect(run.exitCode == 64, "\(run.standardError)")
    #expect(run.firstErrorLine.contains("standard input is not read"), "\(run.standardError)")
  }

  @Test func `a checkpoint on standard input is inspected behind another`() throws {
    var process = try IngotProgram.process(["inspect", Self.weights, "-", "--json"])
    process.input = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.weights)))
    let run = try process.run()
    #expect(run.exitCode == 0 && run.standardOutput.contains("\"path\": \"-\""), "\(run.standardError)")
  }

  @Test func `standard input comes once, and what is wrong with it has its place`() throws {
    var process = try IngotProgram.process(["diff", "-", "-"])
    process.input = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Self.weights)))
    let twice = try process.run()
    #expect(
      twice.exitCode == 66 && twice.firstErrorLine == "ingot: standard input: was read already: it comes once"
    )
    for words in [["tokenize", "-"], ["tokenize", "-", "-"], ["detokenize", "-"]] {
      #expect(try IngotProgram.process(words).run().exitCode == 64, "\(words)")
    }
    process.arguments = ["inspect", "-"]
    process.input = Array(process.input.prefix(2000))
    let cut = try process.run()
    #expect(
      cut.exitCode == 65 && cut.firstErrorLine.hasPrefix("ingot: standard input: byte "),
      "\(cut.firstErrorLine)")
    process.input = []
    #expect(try process.run().exitCode == 65)
    // Archives too, with the checksums that they carry.
    let archive = try PythonPeer.run(
      code: """
        import sys, zipfile, io
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z: z.write(sys.argv[1], "in/model.safetensors")
        data = bytearray(out.getvalue())
        if sys.argv[2] == "broken": data[len(data) // 2] ^= 1
        sys.stdout.buffer.write(data)
        """, [Self.weights, "sound"])
    process.arguments = ["hash", "-"]
    process.input = archive.outputBytes
    let own = try IngotProgram.run("hash", Self.weights).standardOutput.prefix(64)
    #expect(try process.run().standardOutput.prefix(64) == own)
    process.input[process.input.count / 2] ^= 1
    #expect(try process.run().exitCode == 65)
  }

  // MARK: - Several files beside the name of one

  @Test(arguments: ["safetensors", "gguf", "pt", "pth", "index", "safetensors.index.json"])
  func `files that are asked for are not put into a folder called as a file`(_ ending: String) throws {
    let folder = try TemporaryFolder()
    let out = folder.file("split.\(ending)")
    for options in [["--shard-size", "20k", "--to", "safetensors"], ["--to", "tensorflow"]] {
      for command in [
        ["convert", Self.weights], ["quantize", Self.weights], ["init", "--preset", "gpt2", "gpt2"],
        ["merge", "--linear", "\(Self.weights)=1"],
      ] {
        let run = try IngotProgram.process(command + [out] + options).run()
        #expect(run.exitCode == 64 && run.firstErrorLine.contains("name a folder"), "\(run.firstErrorLine)")
      }
    }
    #expect(folder.entries().isEmpty)
    let asked = folder.file("split.\(ending)/")
    #expect(
      try IngotProgram.run("convert", Self.weights, asked, "--shard-size", "20k", "--to", "safetensors")
        .exitCode == 0)
    #expect(
      try IngotProgram.run("convert", Self.weights, "-", "--shard-size", "20k", "--to", "gguf").exitCode == 64
    )
  }

  // MARK: - Errors for programs

  private static func error(_ arguments: [String]) throws -> (code: Int32?, object: [String: Any]) {
    let run = try IngotProgram.process(arguments + ["--json"]).run()
    #expect(run.standardOutput.isEmpty)
    let document = try JSONSerialization.jsonObject(with: Data(run.errorBytes)) as? [String: Any] ?? [:]
    #expect(document["schema"] as? Int == 1)
    let object = document["error"] as? [String: Any] ?? [:]
    let keys: Set = ["code", "path", "place", "rule", "found", "expected", "help", "message"]
    #expect(Set(object.keys).isSuperset(of: keys), "\(run.standardError)")
    #expect(object["code"] as? Int32 == run.exitCode)
    return (run.exitCode, object)
  }

  @Test func `an error is an object where JSON is asked for`() throws {
    let folder = try TemporaryFolder()
    let found = Fixture.files(under: "fixtures/malformed/safetensors").first { $0.contains("ST-16") }
    let broken = Fixture.packagePath(try #require(found))
    let (code, object) = try Self.error(["hash", broken])
    #expect(code == 65 && object["path"] as? String == broken && object["rule"] as? String == "ST-16")
    #expect((object["place"] as? String)?.hasPrefix("byte ") == true && object["offset"] is Int)
    #expect(object["tensor"] is String && object["expected"] is String)
    #expect((object["help"] as? String)?.contains("ingot explain ST-16") == true)

    let missing = try Self.error(["validate", folder.file("nothing")])
    #expect(missing.code == 66 && missing.object["path"] as? String == folder.file("nothing"))
    #expect(missing.object["rule"] is NSNull && missing.object["found"] as? String == "does not exist")

    let usage = try Self.error(["convert", broken])
    #expect(usage.code == 64 && usage.object["path"] is NSNull)
    #expect((usage.object["message"] as? String)?.contains("output") == true)
    #expect(try Self.error(["nonsense"]).code == 64)
    let request = try Self.error(["convert", Self.weights, folder.file("a.npz"), "--include", "nothing"])
    #expect(request.code == 64 && request.object["option"] as? String == "--include")

    try folder.write("there", to: "there.npz")
    let refused = try Self.error(["convert", Self.weights, folder.file("there.npz")])
    #expect(refused.code == 73 && (refused.object["help"] as? String)?.contains("--force") == true)
    let unfit = try Self.error(["convert", Self.weights, folder.file("one.npy")])
    #expect(unfit.code == 65 && unfit.object["found"] is String)
  }

  @Test func `the line is the object's message`() throws {
    for words in [["inspect", "no\u{1B}where"], ["hash", Self.weights, "--as", "nosuch"], ["graph"]] {
      let line = try IngotProgram.process(words).run().firstErrorLine
      #expect("ingot: \(try Self.error(words).object["message"] as? String ?? "")" == line)
    }
  }
}
