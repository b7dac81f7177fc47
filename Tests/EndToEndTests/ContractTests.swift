// SPDX-License-Identifier: Apache-2.0
// The keys of JSON that others rely on: each is there, under its name. More may come.
import Foundation
import IngotTestSupport
import Testing

@Suite struct ContractTests {
  private static let model = Fixture.path("models/base")

  private static func keys(_ arguments: [String]) throws -> (top: Set<String>, object: [String: Any]) {
    let run = try IngotProgram.process(arguments + ["--json"]).run()
    let object = try JSONSerialization.jsonObject(with: Data(run.outputBytes)) as? [String: Any] ?? [:]
    #expect(object["schema"] as? Int == 1)
    return (Set(object.keys), object)
  }

  /// The keys of the first object in a list.
  private static func keys(of list: Any?) -> Set<String> {
    Set(((list as? [[String: Any]])?.first ?? [:]).keys)
  }

  @Test func `inspect, hash and diff`() throws {
    let weights = Self.model + "/model.safetensors"
    let (top, inspection) = try Self.keys(["inspect", weights, "--hash", "--stats"])
    #expect(top.isSuperset(of: ["format", "path", "bytes", "metadata", "tensors", "findings"]))
    let tensor = Self.keys(of: inspection["tensors"])
    #expect(tensor.isSuperset(of: ["name", "dtype", "shape", "bytes", "sha256", "stats"]))
    let stats = (inspection["tensors"] as? [[String: Any]])?.first?["stats"] as? [String: Any] ?? [:]
    #expect(Set(stats.keys).isSuperset(of: ["min", "max", "mean", "std", "zeros", "nan", "inf"]))

    let (_, hash) = try Self.keys(["hash", weights])
    let single = Self.keys(of: hash["checkpoints"]).union(hash.keys)
    #expect(single.isSuperset(of: ["path", "model", "tensors"]))

    let (difference, _) = try Self.keys(["diff", weights, weights])
    #expect(difference.isSuperset(of: ["only_a", "only_b", "changed", "equal"]))
  }

  @Test func `convert, validate and eval`() throws {
    let folder = try TemporaryFolder()
    let (top, conversion) = try Self.keys(["convert", Self.model, folder.file("a.npz"), "--dtype", "f16"])
    #expect(
      top.isSuperset(of: [
        "input", "output", "format", "bytes", "tensors", "losses", "checked", "memory_bound",
      ]))
    #expect(Self.keys(of: conversion["losses"]).isSuperset(of: ["kind", "tensor", "detail"]))

    let (_, validation) = try Self.keys(["validate", Fixture.path("models/stored-head")])
    #expect(
      Self.keys(of: validation["findings"]).isSuperset(of: ["kind", "severity", "subject", "detail"]))

    let (evaluation, measured) = try Self.keys(
      ["eval", Self.model, "--tokens", "1,2,3", "--against", Self.model, "--per-token"])
    #expect(
      evaluation.isSuperset(of: [
        "kind", "tokens", "nll", "perplexity", "bits_per_byte", "kl", "kl_p99", "top1_agreement",
      ]))
    #expect(measured["kind"] as? String == "log-likelihood")
    #expect(Self.keys(of: measured["per_token"]) == ["index", "id", "nll", "baseline_nll", "kl"])
  }

  /// C1 controls begin sequences that terminals obey, as ESC does; others turn or hide what stands around them.
  @Test func `what a terminal obeys is escaped in JSON too, and findings that are not shown are counted`()
    throws
  {
    let folder = try TemporaryFolder()
    let answer = try PythonPeer.run(
      code: """
        import io, json, subprocess, sys, zipfile, numpy
        stream = io.BytesIO()
        numpy.save(stream, numpy.ones(2, numpy.float32))
        name = "a\\x1b[31m\\x7f\\x9b\\u202e\\u2028\\U000e0041é"
        with zipfile.ZipFile(sys.argv[2], "w") as z:
            z.writestr(name + ".npy", stream.getvalue())
            for i in range(9): z.writestr(f"note{i}.txt", "x")
        text = subprocess.run([sys.argv[1], "inspect", sys.argv[2], "--json"], capture_output=True).stdout.decode()
        print([hex(ord(c)) for c in text if c in name and c not in "a[31mé"], "é" in text)
        print(json.loads(text)["tensors"][0]["name"] == name)
        """, [try IngotProgram.path(), folder.file("m.npz")])
    #expect(answer.standardOutput == "[] True\nTrue\n")
    let text = try IngotProgram.run("inspect", folder.file("m.npz")).standardOutput
    #expect(text.contains("… 1 more finding in --json"), "\(text)")
  }

  @Test func `a check that does not hold ends with 1`() throws {
    let folder = try TemporaryFolder()
    let weights = Self.model + "/model.safetensors"
    let other = Fixture.path("models/untied/model.safetensors")
    #expect(try IngotProgram.run("diff", weights, weights).exitCode == 0)
    #expect(try IngotProgram.run("diff", weights, other).exitCode == 1)
    let line = try IngotProgram.run("hash", weights).standardOutput
    try folder.write(line, to: "holds")
    try folder.write(String(repeating: "0", count: 64) + String(line.dropFirst(64)), to: "fails")
    #expect(try IngotProgram.run("hash", "--manifest", folder.file("holds")).exitCode == 0)
    #expect(try IngotProgram.run("hash", "--manifest", folder.file("fails")).exitCode == 1)
  }
}
