// SPDX-License-Identifier: Apache-2.0
// Infinities on their way to a dtype that has none: refused unless an option lets them go, and then said in a line of
// their own. Expected bytes are ml_dtypes'.
import IngotTestSupport
import Testing

@Suite struct CastClassTests {
  /// Writes a tensor of one infinity of a sign, a NaN and small values, of which some are rounded.
  private func source(_ dtype: String, _ infinity: String, in folder: TemporaryFolder) throws {
    try PythonPeer.run(
      code: """
        import sys, numpy as np, ml_dtypes
        folder, dtype, infinity = sys.argv[1:]
        kind = np.dtype({"F64": "f8", "F32": "f4", "F16": "f2", "BF16": ml_dtypes.bfloat16,
                         "F8_E5M2": ml_dtypes.float8_e5m2}[dtype])
        values = np.array([1, float(infinity), np.nan, -0.0, 0.3, 1/3, 448], "f8").astype(kind)
        header = '{"w":{"dtype":"%s","shape":[7],"data_offsets":[0,%d]}}' % (dtype, values.nbytes)
        header += " " * (-len(header) % 8)
        with open(folder + "/w.safetensors", "wb") as file:
            file.write(len(header).to_bytes(8, "little") + header.encode() + values.tobytes())
        np.save(folder + "/w.npy", values.astype("f8"))
        """, [folder.path, dtype, infinity])
  }

  @Test(arguments: ["F64", "F32", "F16", "BF16", "F8_E5M2"], ["inf", "-inf"])
  func `an infinity is no value to be rounded`(dtype: String, infinity: String) throws {
    let folder = try TemporaryFolder()
    try source(dtype, infinity, in: folder)
    func convert(_ output: String, _ options: [String] = []) throws -> ProcessResult {
      var process = try IngotProgram.process(
        ["convert", "w.safetensors", output, "--dtype", "f8_e4m3", "--json"] + options)
      process.folder = folder.path
      return try process.run()
    }
    let refused = try convert("no.safetensors")
    #expect(refused.exitCode == 65)
    #expect(refused.standardError.contains("1 value is infinite"), "\(refused.standardError)")
    for (output, options) in [("o.safetensors", []), ("o.ingot", []), ("o.npz", ["--npy-bits"])]
      as [(String, [String])]
    {
      for policy in ["saturate", "infinity"] {
        let result = try convert(output, ["--on-overflow", policy, "--force"] + options)
        #expect(result.exitCode == 0, "\(result.standardError)")
        #expect(result.standardOutput.contains("1 infinity became NaN, for F8_E4M3 has no infinity"))
      }
    }
    // What is rounded are the finite values alone, and the result is ml_dtypes'.
    try PythonPeer.run(
      code: """
        import json, sys, numpy as np, ml_dtypes
        folder, losses = sys.argv[1], json.loads(sys.argv[2])["losses"]
        wide = np.load(folder + "/w.npy")
        narrow = wide.astype(ml_dtypes.float8_e4m3fn)
        back = narrow.astype("f8")
        finite = np.isfinite(wide)
        count = int((back[finite] != wide[finite]).sum())
        rounded = [x["detail"] for x in losses if x["kind"] == "cast"]
        assert rounded == ([f"{count} of 7 values rounded to F8_E4M3"] if count else []), (rounded, count)
        data = open(folder + "/o.safetensors", "rb").read()[-7:]
        assert np.array_equal(np.frombuffer(data, ml_dtypes.float8_e4m3fn).astype("f8"), back, equal_nan=True)
        """,
      [folder.path, try convert("o.safetensors", ["--on-overflow", "infinity", "--force"]).standardOutput])
  }

  @Test func `an infinity stays where the target has one`() throws {
    let folder = try TemporaryFolder()
    try source("F32", "inf", in: folder)
    for dtype in ["f16", "bf16", "f8_e5m2", "f64"] {
      let result = try IngotProgram.run(
        "convert", folder.file("w.safetensors"), folder.file("\(dtype).safetensors"), "--dtype", dtype,
        "--json")
      #expect(result.exitCode == 0, "\(result.standardError)")
      #expect(!result.standardOutput.contains("infinit"))
      let stats = try IngotProgram.run("inspect", folder.file("\(dtype).safetensors"), "--stats", "--json")
      #expect(stats.standardOutput.contains("\"inf\": 1"))
    }
  }
}
