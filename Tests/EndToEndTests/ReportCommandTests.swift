// SPDX-License-Identifier: Apache-2.0
// Pages of `ingot report` as a strict stranger reads them: well-formed, self-contained, bounded, whatever files say. How a
// browser shows them is Tests/Page's to ask.
import Foundation
import IngotTestSupport
import Testing

@Suite struct ReportCommandTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// What a judge says of a page.
  private struct Verdict: Decodable {
    var bytes: Int
    var scripts: Int
    var policy: String?
    var controls: [Int]
    var tags: [String: Int]
    var text: String
    var names: [String]

    /// Whether the page says something; a failed test then shows that, and not the page.
    func says(_ words: String) -> Bool { text.contains(words) }
    func says(_ pattern: Regex<Substring>) -> Bool { text.contains(pattern) }
    /// Whether a row has a name.
    func hasRow(_ name: String) -> Bool { names.contains(name) }
  }

  private func judge(_ page: String) throws -> Verdict {
    let output = try PythonPeer.run("Tests/Page/page_judge.py", [page]).outputBytes
    let verdict = try JSONDecoder().decode(Verdict.self, from: Data(output))
    #expect(verdict.scripts == 1 && verdict.controls.isEmpty)
    #expect(
      verdict.policy == "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'")
    #expect(verdict.bytes < 2_000_000)
    return verdict
  }

  private func report(_ arguments: [String], to page: String) throws -> Verdict {
    let result = try IngotProgram.process(["report"] + arguments + ["-o", page]).run()
    #expect(result.exitCode == 0, "\(result.standardError)")
    return try judge(page)
  }

  @Test func `a model's page has its tensors, its graph and its sizes`() throws {
    let folder = try TemporaryFolder()
    let page = folder.file("m.html")
    let verdict = try report([Self.model], to: page)
    #expect(verdict.says("GPT-2: 4 blocks, 4 heads, width 128"))
    #expect(verdict.says("h.{0…3}, 4 blocks alike"))
    #expect(verdict.hasRow("transformer.h.{0…3}.mlp.c_fc.weight × 4"))
    #expect(verdict.hasRow("transformer.h.3.mlp.c_fc.weight"))
    #expect(verdict.tags["use"] == 16 && verdict.tags["details"].map { $0 > 16 } == true)
    #expect(folder.entries() == ["m.html"])
    // The same bytes again, and on standard output.
    let streamed = try IngotProgram.run("report", Self.model, "-o", "-")
    #expect(streamed.outputBytes == (try folder.bytes("m.html")))
    #expect(streamed.standardError.contains("52 tensors in 16 families"))
  }

  @Test func `experts are feed-forward, by their roles`() throws {
    let folder = try TemporaryFolder()
    let verdict = try report([Fixture.path("mixtral/published-keys")], to: folder.file("m.html"))
    // Three weights of 12 × 16 for each of four experts, and a router of 4 × 16.
    #expect(verdict.says("feed-forward 9.5 kB"))
    #expect(verdict.hasRow("model.layers.0.block_sparse_moe.experts.{0…3}.w1.weight × 4"))
  }

  @Test func `an existing page stays unless it is to be replaced, and a source never is`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: Self.model, toPath: folder.file("model"))
    let page = folder.file("model/page.html")
    #expect(try IngotProgram.run("report", folder.file("model"), "-o", page).exitCode == 0)
    #expect(try IngotProgram.run("report", folder.file("model"), "-o", page).exitCode == 73)
    #expect(try IngotProgram.run("report", folder.file("model"), "-o", page, "--force").exitCode == 0)
    for name in ["model.safetensors", "config.json", "heldout.txt"] {
      let before = try folder.bytes("model/" + name)
      let result = try IngotProgram.run(
        "report", folder.file("model"), "--text", folder.file("model/heldout.txt"), "-o",
        folder.file("model/" + name), "--force")
      #expect(result.exitCode == 73, "\(name): \(result.standardError)")
      #expect(try folder.bytes("model/" + name) == before)
    }
  }

  @Test func `two models have what differs, and a text what it costs`() throws {
    let folder = try TemporaryFolder()
    let quantized = folder.file("q.ingot")
    #expect(try IngotProgram.run("quantize", Self.model, quantized).exitCode == 0)
    let verdict = try report(
      [quantized, Self.model, "--tokens", "1,2,3,4,5,6,7,8,9"], to: folder.file("q.html"))
    for words in [
      "Quantization", "I8, a scale for each index of dimension 1", "8.2", "worst SNR",
      "Difference from the original", "17 changed", "On a text", "original's perplexity", "KL, nats a token",
    ] {
      #expect(verdict.says(words), "\(words)")
    }
    let same = try report([Self.model, Self.model], to: folder.file("same.html"))
    #expect(same.says("Identical: 52 tensors with the same values."))
  }

  /// Names that would be tags, scripts, ends of attributes and of comments, turned text, controls, and bytes that are no text.
  @Test func `names of hostile files stay text`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("hostile.safetensors")
    let names = [
      "<script>alert(1)</script>", "</title><img src=x onerror=alert(2)>", "\" onmouseover=\"alert(3)",
      "' x='",
      "-->]]></svg></style>", "&lt;b&gt;&amp;", "a\u{202E}gnp\u{1B}[31m\u{7}\u{85}", "{{constructor}}",
      "javascript:alert(4)",
    ]
    let data = try JSONSerialization.data(withJSONObject: names)
    try PythonPeer.run(
      code: """
        import json, sys
        \(PythonPeer.safetensorsWriter)
        names = json.loads(sys.argv[2])
        save(sys.argv[1], {name: np.arange(4, dtype=np.float32) for name in names})
        raw = open(sys.argv[1], "rb").read()
        head = json.loads(raw[8:8 + int.from_bytes(raw[:8], "little")])
        head["__metadata__"] = {name: name for name in names}
        head = json.dumps(head).encode()
        open(sys.argv[1], "wb").write(len(head).to_bytes(8, "little") + head + raw[8 + int.from_bytes(raw[:8], "little"):])
        """, [path, String(decoding: data, as: UTF8.self)])
    let verdict = try report([path], to: folder.file("h.html"))
    for name in names.filter({ !$0.contains("\u{202E}") }) {
      #expect(verdict.hasRow(name), "\(name)")
      #expect(verdict.says(name), "\(name)")
    }
    #expect(verdict.hasRow(#"a\u{202e}gnp\u{1b}[31m\u{7}\u{85}"#))
  }

  @Test func `a path that is no text is shown, and its page is text`() throws {
    let folder = try TemporaryFolder()
    let answer = try PythonPeer.run(
      code: #"""
        import os, subprocess, sys, shutil
        folder = os.fsencode(sys.argv[2])
        source = os.path.join(folder, b"a\xff<b>\x1b.safetensors")
        shutil.copy(sys.argv[3], source)
        page = os.path.join(folder, b"p.html")
        run = subprocess.run([os.fsencode(sys.argv[1]), b"report", source, b"-o", page], capture_output=True)
        text = open(page, "rb").read().decode()
        print(run.returncode, "a\\xff&lt;b&gt;\\u{1b}.safetensors" in text)
        """#, [try IngotProgram.path(), folder.path, Self.model + "/model.safetensors"])
    #expect(answer.standardOutput == "0 True\n")
    _ = try judge(folder.file("p.html"))
  }

  @Test func `names of four kilobytes, values that are NaN and many tensors are bounded and counted`() throws
  {
    let folder = try TemporaryFolder()
    let path = folder.file("many.safetensors")
    try PythonPeer.run(
      code: """
        import json, sys
        import numpy as np
        # Names that do not fold: long ones of the largest tensors, and many short ones, all of NaN.
        names = [("&" * 4000 + chr(97 + i // 26) + chr(97 + i % 26), 64) for i in range(500)]
        names += [("t" + "abcdefghij"[i % 10] + "x" * (i // 10), 1) for i in range(3000)]
        names += [(f"layers.{i}.w", 8) for i in range(2500)]
        head, at = {}, 0
        for name, count in names:
            head[name] = {"dtype": "F32", "shape": [count], "data_offsets": [at, at + 4 * count]}
            at += 4 * count
        head = json.dumps(head).encode()
        head += b" " * (-len(head) % 8)
        data = np.full(at // 4, np.nan, np.float32).tobytes()
        open(sys.argv[1], "wb").write(len(head).to_bytes(8, "little") + head + data)
        """, [path])
    let verdict = try report([path], to: folder.file("m.html"))
    let values = 500 * 64 + 3000 + 2500 * 8
    #expect(verdict.says("not finite \(values / 1000).0 k"))
    #expect(verdict.says("layers.{0…2499}.w × 2500"))
    #expect(verdict.says("4002 characters"))
    // Nothing is lost without being counted.
    let left = try #require(
      verdict.text.firstMatch(
        of: /Left out: (\d+) smaller families of (\d+) tensors? with .* and (\d+) values? not finite/))
    let listed = verdict.names.count { !$0.hasPrefix("layers.") }
    #expect(Int(left.1) == 3501 - listed - 1, "\(left.0)")
    #expect(verdict.says(/[\d]+ more tensors of this family not listed/))
    #expect(verdict.says(/long names shown without the middle alone/))
    #expect(verdict.says(/Histograms and outliers are of the 1200 largest tensors/))
  }

  @Test func `a checkpoint of nothing, of scalars and of empty tensors has a page`() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("odd.safetensors")
    try PythonPeer.run(
      code: """
        import sys
        \(PythonPeer.safetensorsWriter)
        save(sys.argv[1], {"empty": np.zeros((0, 3), np.float32), "scalar": np.float32(2.5), "all.nan": np.full(3, np.nan, np.float32),
            "huge": np.array([3e38, -3e38, np.inf], np.float32), "scales": np.zeros(4, ml_dtypes.float8_e8m0fnu)})
        save(sys.argv[2], {})
        """, [path, folder.file("none.safetensors")])
    let verdict = try report([path], to: folder.file("o.html"))
    #expect(verdict.names.count == 5)
    _ = try report([folder.file("none.safetensors")], to: folder.file("n.html"))
  }

  @Test func `the result as JSON`() throws {
    let folder = try TemporaryFolder()
    let result = try IngotProgram.run("report", Self.model, "-o", folder.file("m.html"), "--json")
    let object = try JSONSerialization.jsonObject(with: Data(result.outputBytes)) as? [String: Any]
    #expect(object?["tensors"] as? Int == 52 && object?["families"] as? Int == 16)
    #expect(object?["bytes"] as? Int == (try folder.bytes("m.html")).count)
  }
}
