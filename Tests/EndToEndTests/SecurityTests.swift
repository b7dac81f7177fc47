// SPDX-License-Identifier: Apache-2.0
// `ingot inspect --security` on files that a reader which runs pickles would be harmed by.
import Foundation
import IngotTestSupport
import Testing

@Suite struct SecurityTests {
  /// What `--json` prints, as far as it is looked at here.
  private struct Report: Decodable {
    struct File: Decodable {
      let format: String
      let canNameCode: Bool
      let globals: [Global]?
      let calls: [Call]?
      let failures: [String]?
    }
    struct Global: Decodable {
      let name: String
      let allowed: Bool
      let calls: Int
      let offset: Int
    }
    struct Call: Decodable {
      let global: String?
      let member: String?
      let offset: Int
      let arguments: [Argument]
    }
    struct Argument: Decodable, Equatable {
      let kind: String
      let value: String?
    }
    let schema: Int
    let clean: Bool
    let files: [File]
  }

  private static func survey(_ path: String) throws -> Report {
    let result = try IngotProgram.run("inspect", "--security", "--json", path)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let report = try decoder.decode(Report.self, from: Data(result.outputBytes))
    #expect(result.exitCode == (report.clean ? 0 : 1), "\(path): \(result.standardError)")
    return report
  }

  private static let harmful = Fixture.names(in: "malformed/pytorch").filter { $0.hasPrefix("PT-11") }

  @Test(arguments: harmful)
  func `what a harmful file names is listed, and not run`(_ name: String) throws {
    let report = try Self.survey(Fixture.path("malformed/pytorch/" + name))
    #expect(report.schema == 1 && !report.clean)
    #expect(report.files.flatMap { $0.globals ?? [] }.contains { !$0.allowed })
    // Naming is enough to import; all but two of the files call too.
    #expect(report.files.flatMap { $0.calls ?? [] }.isEmpty == name.contains("import"))
  }

  @Test func `a call is listed with its place and arguments`() throws {
    let report = try Self.survey(Fixture.path("malformed/pytorch/PT-11-os-system.pt"))
    let file = try #require(report.files.first)
    #expect(file.format == "pytorch" && file.canNameCode && file.failures == [])
    let call = try #require(file.calls?.first)
    #expect(call.global == "os.system" && call.member == "archive/data.pkl")
    #expect(call.arguments == [.init(kind: "text", value: "echo pwned")])
  }

  @Test func `a sound checkpoint is clean, and so is a format that can name nothing`() throws {
    let sound = try Self.survey(Fixture.path("golden/pytorch/stream-training.pt"))
    #expect(sound.clean)
    let globals = sound.files.flatMap { $0.globals ?? [] }
    #expect(globals.contains { $0.name == "torch._utils._rebuild_tensor_v2" && $0.calls > 10 })
    let other = try Self.survey(Fixture.path("kjv-gpt2"))
    #expect(other.clean && other.files.map(\.canNameCode) == [false])
  }

  private static let call: [UInt8] = Array("cos\nsystem\n(S'echo pwned'\ntR.".utf8)

  @Test(arguments: ["e.pkl", "e.bin", "e.joblib", "e"])
  func `a bare pickle is found by content, whatever it is called`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let report = try Self.survey(folder.write(Self.call, to: name))
    #expect(!report.clean && report.files.first?.calls?.first?.global == "os.system")
  }

  @Test func `arrays of objects and members of archives are listed`() throws {
    let folder = try TemporaryFolder()
    let make = """
      import io, os, sys, tarfile, numpy as np
      class Call:
          def __reduce__(self): return os.system, ("echo pwned",)
      np.save(sys.argv[1] + "/o.npy", np.array([Call()], dtype=object))
      np.savez(sys.argv[1] + "/o.npz", o=np.array([Call()], dtype=object), d=np.ones(2))
      np.savez_compressed(sys.argv[1] + "/c.npz", o=np.array([Call()], dtype=object))
      np.save(sys.argv[1] + "/d.npy", np.ones(2))
      data = b"cos\\nsystem\\n(S'echo pwned'\\ntR."
      with tarfile.open(sys.argv[1] + "/t.pth", "w") as t:
          for name in ("storages", "tensors", "pickle"):
              info = tarfile.TarInfo(name)
              info.size = len(data)
              t.addfile(info, io.BytesIO(data))
      """
    try PythonPeer.run(code: make, [folder.file("")])
    for name in ["o.npy", "o.npz", "c.npz", "t.pth"] {
      let report = try Self.survey(folder.file(name))
      #expect(!report.clean, "\(name)")
      let names = report.files.flatMap { $0.calls ?? [] }.compactMap(\.global)
      #expect(names.contains { ["os.system", "posix.system"].contains($0) }, "\(name)")
    }
    #expect(try Self.survey(folder.file("d.npy")).clean)
  }

  @Test func `a set is surveyed shard by shard`() throws {
    #expect(try Self.survey(Fixture.path("golden/pytorch/sharded")).files.count == 2)
  }

  @Test(arguments: ["a.tar", "a.tar.gz", "a.zip"])
  func `what an archive holds is surveyed as if it stood in a folder`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let pack = """
      import pathlib, sys, tarfile, zipfile
      path, source = sys.argv[1], pathlib.Path(sys.argv[2])
      files = sorted(source.iterdir()) if source.is_dir() else [source]
      if path.endswith(".zip"):
          with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
              for file in files: archive.write(file, "m/" + file.name)
      else:
          with tarfile.open(path, "w:gz" if path.endswith(".gz") else "w") as archive:
              for file in files: archive.add(file, "m/" + file.name)
      """
    try PythonPeer.run(
      code: pack, [folder.file(name), Fixture.path("malformed/pytorch/PT-11-os-system.pt")])
    let report = try Self.survey(folder.file(name))
    #expect(report.files.map(\.format) == ["pytorch"] && !report.clean)
    #expect(report.files.first?.calls?.first?.arguments == [.init(kind: "text", value: "echo pwned")])
    try PythonPeer.run(code: pack, [folder.file("set-" + name), Fixture.path("golden/pytorch/sharded")])
    let set = try Self.survey(folder.file("set-" + name))
    #expect(set.clean && set.files.map(\.format) == ["pytorch", "pytorch"])
  }

  @Test func `a pickle that ends early is listed as far as it goes`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array("cos\nsystem\n(S'x'\ntR\u{1}".utf8), to: "cut.pt")
    let report = try Self.survey(path)
    #expect(report.files.first?.calls?.first?.global == "os.system")
    #expect(report.files.first?.failures?.count == 1)
  }

  @Test func `an error that names a call says how to list all of them`() throws {
    let path = Fixture.path("malformed/pytorch/PT-11-os-system.pt")
    let result = try IngotProgram.run("inspect", "-v", path)
    #expect(result.exitCode == 65)
    #expect(result.firstErrorLine.contains("would call \"os.system\""))
    #expect(result.standardError.contains("nothing was run; `ingot inspect --security"))
  }
}
