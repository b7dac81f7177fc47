// SPDX-License-Identifier: Apache-2.0
// `ingot quantize` on checkpoints of no known model: what it prints, and its exit codes.
import IngotTestSupport
import Testing

@Suite struct UnknownModelCommandTests {
  private static let maker = """
    import sys, numpy as np
    values = np.linspace(-1, 1, 4096, dtype=np.float32).reshape(64, 64)
    np.savez(sys.argv[1] + "/plain.npz", wte=values, wpe=values, bias=values[0])
    np.savez(sys.argv[1] + "/none.npz", bias=values[0])
    """

  @Test func `the report says that no model is known, and what stays`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(code: Self.maker, [folder.path])
    let text = try IngotProgram.run("quantize", folder.file("plain.npz"), folder.file("q.ingot"))
    #expect(text.exitCode == 0)
    #expect(
      text.standardOutput.contains(
        "unknown model: matrices by their shape, outputs first (it has no config; --config FILE names one)"))
    #expect(text.standardOutput.contains("kept      wpe: stays as it is: positions"))
    #expect(text.standardOutput.contains("kept      bias: stays as it is: a vector or a single number"))
    let json = try IngotProgram.run("quantize", folder.file("plain.npz"), folder.file("j.ingot"), "--json")
    #expect(json.standardOutput.contains("\"understood\": false"))
    let model = Fixture.path("kjv-gpt2")
    let known = try IngotProgram.run("quantize", model, folder.file("k.ingot"), "--json")
    #expect(known.standardOutput.contains("\"understood\": true"))
  }

  @Test func `validating ends with 1 where a value is NaN, and names the tensor`() throws {
    let folder = try TemporaryFolder()
    try PythonPeer.run(
      code: """
        import sys, numpy as np
        scale = np.full((2, 2, 3), 0.5)
        scale[1, 0, 2] = np.nan
        np.savez(sys.argv[1] + "/vae.npz", **{"encoder.scale": scale, "encoder.steps": np.arange(4)})
        """, [folder.path])
    for arguments in [["vae.npz"], ["vae.safetensors"], ["-"]] {
      var process = try IngotProgram.process(["validate"] + arguments)
      process.folder = folder.path
      process.input = try folder.bytes("vae.npz")
      if arguments == ["vae.safetensors"] {
        _ = try IngotProgram.run("convert", "vae.npz", "vae.safetensors", in: folder.path)
      }
      let run = try process.run()
      #expect(run.exitCode == 1 && run.standardError.isEmpty, "\(run.standardError)")
      #expect(
        run.standardOutput.contains("error  encoder.scale  has 1 NaN, first at [1, 0, 2]\n"),
        "\(run.standardOutput)")
      #expect(run.standardOutput.hasSuffix("1 error, 1 note\n"))
    }
    let json = try IngotProgram.run("validate", folder.file("vae.npz"), "--json").standardOutput
    #expect(json.contains("\"valid\": false") && json.contains("\"architecture\": null"))
  }

  @Test func `bad input is 65, a rule without effect 64, and other commands refuse an unknown model`() throws
  {
    let folder = try TemporaryFolder()
    try PythonPeer.run(code: Self.maker, [folder.path])
    let plain = folder.file("plain.npz")
    let out = folder.file("q.ingot")
    let cases: [(code: Int32, arguments: [String])] = [
      (65, [folder.file("none.npz"), out]), (64, [plain, out, "--rule", "nothing=int8"]),
      (65, [plain, out, "--rule", "bias=int8"]), (64, [plain, out, "--scheme", "keep"]),
      (65, [plain, folder.file("q.npz"), "--scheme", "q8_0"]), (65, [plain, folder.file("q.gguf")]),
      (66, [plain, out, "--untie"]),
    ]
    for (code, arguments) in cases {
      let result = try IngotProgram.process(["quantize"] + arguments).run()
      #expect(result.exitCode == code, "\(arguments): \(result.standardError)")
      #expect(result.standardError.split(separator: "\n").count == 1, "\(result.standardError)")
    }
    #expect(folder.entries() == ["none.npz", "plain.npz"])
    #expect(try IngotProgram.run("eval", plain, "--tokens", "1,2,3").exitCode == 66)
  }
}
