// SPDX-License-Identifier: Apache-2.0
// Each kind of loss is said, for the tensors that others say it of. Tests/Mutations takes each kind's line away.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct LossTests {
  private static let model = Fixture.path("kjv-gpt2")

  /// Converts, and gives the losses of one kind.
  private static func losses(
    _ kind: Loss.Kind, _ input: String, to output: String, _ change: (inout ConvertOptions) -> Void = { _ in }
  ) throws -> [Loss] {
    var options = ConvertOptions()
    change(&options)
    let report = try Conversion(input, to: output, options: options).run()
    return report.losses.filter { $0.kind == kind }
  }

  /// A file of one tensor that F16 rounds and one with values beyond it; how many values that is by numpy.
  private static func wide(in folder: TemporaryFolder) throws -> (rounded: Int, beyond: Int) {
    let script = """
      import sys, numpy as np
      from safetensors.numpy import save_file
      a = np.random.default_rng(11).standard_normal(1000, dtype=np.float32)
      a[::3] = 0.5
      b = np.array([1, 70000, -1e30, 65504, 2.5], np.float32)
      save_file({"a": a, "b": b}, sys.argv[1])
      with np.errstate(over="ignore"):
          print((a.astype(np.float16) != a).sum(), np.isinf(b.astype(np.float16)).sum())
      """
    let output = try PythonPeer.run(code: script, [folder.file("wide.safetensors")]).standardOutput
    let counts = output.split { " \n".contains($0) }.compactMap { Int($0) }
    return (try #require(counts.first), try #require(counts.last))
  }

  @Test(arguments: [OverflowPolicy.saturate, .infinity])
  func `rounded values, and those beyond the range, are as many as numpy finds`(_ policy: OverflowPolicy)
    throws
  {
    let folder = try TemporaryFolder()
    let (rounded, beyond) = try Self.wide(in: folder)
    func losses(_ kind: Loss.Kind) throws -> [Loss] {
      try Self.losses(kind, folder.file("wide.safetensors"), to: folder.file("\(kind).npz")) {
        $0.dtype = .f16
        $0.onOverflow = policy
      }
    }
    let cast = try losses(.cast).first { $0.tensor == "a" }
    #expect(cast?.detail.pieces.first == .words("\(rounded)"))
    let overflows = try losses(.overflow)
    #expect(overflows.map(\.tensor) == ["b"])
    #expect(overflows.first?.detail.pieces.first == .count(Count(beyond, "value")))
  }

  /// 65519 is the last that F16 rounds to 65504, its largest; the next is infinity to numpy.
  @Test(arguments: [("65519", false), ("65520", true), ("-65520", true)])
  func `a single value beyond the range is refused`(_ value: String, _ isRefused: Bool) throws {
    let folder = try TemporaryFolder()
    let code = """
      import sys, numpy as np
      from safetensors.numpy import save_file
      a = np.zeros(100_000, np.float32)
      a[77_777] = float(sys.argv[2])
      save_file({"a": a}, sys.argv[1])
      with np.errstate(over="ignore"):
          print(bool(np.isinf(a.astype(np.float16)).any()))
      """
    let path = folder.file("one.safetensors")
    let answer = try PythonPeer.run(code: code, [path, value]).standardOutput
    #expect(answer == (isRefused ? "True\n" : "False\n"))
    var options = ConvertOptions()
    options.dtype = .f16
    do throws(IngotError) {
      _ = try Conversion(path, to: folder.file("out.safetensors"), options: options).run()
      #expect(!isRefused)
    } catch {
      guard isRefused, case .unrepresentable(tensor: "a", _, _, _) = error else { throw error }
      #expect(folder.entries() == ["one.safetensors"])
    }
  }

  @Test func `tensors that are left out are named`() throws {
    let folder = try TemporaryFolder()
    let losses = try Self.losses(.dropped, Self.model, to: folder.file("a.npz")) {
      $0.selection = TensorSelection(exclude: [Glob("*.bias")])
    }
    let names = try Ingot.inspect(Self.model).checkpoint.tensors.map(\.name).filter { $0.hasSuffix(".bias") }
    #expect(!names.isEmpty && losses.map(\.tensor) == names)
  }

  @Test(arguments: ["a.npy", "a.npz", "a.pt"])
  func `metadata that a format has no place for is named`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let code = """
      import sys, numpy as np
      from safetensors.numpy import save_file
      save_file({"a": np.ones(3, np.float32)}, sys.argv[1], metadata={"license": "MIT"})
      """
    _ = try PythonPeer.run(code: code, [folder.file("a.safetensors")])
    let losses = try Self.losses(.metadata, folder.file("a.safetensors"), to: folder.file(name))
    #expect(losses.contains { $0.detail.pieces.contains(.value("license")) })
  }

  @Test func `what hangs on a tensor is named as that, not as the tensor`() throws {
    let folder = try TemporaryFolder()
    let code = """
      import sys, numpy as np
      from safetensors.numpy import save_file
      save_file({"a": np.ones(3, np.float32)}, sys.argv[1], metadata={"a": "note", "b": "other"})
      """
    _ = try PythonPeer.run(code: code, [folder.file("a.safetensors")])
    let losses = try Self.losses(.metadata, folder.file("a.safetensors"), to: folder.file("a.pt"))
    let texts = losses.map { "\($0.detail)" }
    #expect(texts.count == 2 && texts.count { $0.hasPrefix("attributes of ") } == 1, "\(texts)")
  }

  @Test func `companions that a file does not hold are named`() throws {
    let folder = try TemporaryFolder()
    let losses = try Self.losses(.companion, Self.model, to: folder.file("a.npz"))
    #expect(losses.contains { $0.detail.pieces.contains(.value("config.json")) })
    #expect(losses.contains { $0.detail.pieces.contains(.value("tokenizer.json")) })
  }

  @Test func `tied tensors that are stored in full are named`() throws {
    let folder = try TemporaryFolder()
    let losses = try Self.losses(.alias, Fixture.path("golden/pytorch/tied.pt"), to: folder.file("a.npz"))
    // What torch says shares its storage with a tensor in front of it.
    #expect(losses.map(\.tensor) == ["lm_head.weight", "detached", "turned"])
  }

  @Test func `tensors that keep F32 in a model for llama.cpp are those that gguf-py finds`() throws {
    let folder = try TemporaryFolder()
    let losses = try Self.losses(.kept, Self.model, to: folder.file("a.gguf")) {
      $0.dialect = "gguf"
      $0.dtype = .f16
    }
    let code = """
      import sys, gguf
      print("\\n".join(sorted(t.name for t in gguf.GGUFReader(sys.argv[1]).tensors if t.tensor_type.name == "F32")))
      """
    let names = try PythonPeer.run(code: code, [folder.file("a.gguf")]).standardOutput
    #expect(losses.compactMap(\.tensor).sorted() == names.split(separator: "\n").map(String.init))
  }

  /// llm.c rounds rows up to a multiple of 128: 61 tokens have 67 rows of zeros behind them.
  @Test func `rows of zeros behind the vocabulary are said, there and back`() throws {
    let folder = try TemporaryFolder()
    let there = try Self.losses(.padding, Fixture.path("models/base"), to: folder.file("there/")) {
      $0.dialect = "llmc"
    }
    #expect(
      there.count == 1
        && there.first?.detail.pieces.first
          == .count(Count(67, "row of zeros stands", "rows of zeros stand"))
    )
    let back = try Self.losses(.padding, folder.file("there/"), to: folder.file("back/")) {
      $0.dialect = "hf"
    }
    #expect(
      back.count == 1
        && back.first?.detail.pieces.first
          == .count(Count(67, "row behind the vocabulary is", "rows behind the vocabulary are"))
    )
    #expect(back.first?.detail.pieces.contains(.words(", all zeros")) == true)
  }

  @Test func `elements whose bits are called otherwise are named`() throws {
    let folder = try TemporaryFolder()
    let losses = try Self.losses(.bits, Self.model, to: folder.file("a.npz")) {
      $0.dtype = .bf16
      $0.keepsUnknownBits = true
    }
    #expect(losses.map(\.tensor) == (try Ingot.inspect(Self.model)).checkpoint.tensors.map(\.name))
  }

  @Test func `a dtype that reaches nothing is refused for a name, and said of every tensor otherwise`() throws
  {
    let folder = try TemporaryFolder()
    let code = """
      import sys, numpy as np
      from safetensors.numpy import save_file
      integers = np.arange(4)
      np.savez(sys.argv[1] + "/both.npz", a=integers, b=np.ones(3, np.float32))
      np.savez(sys.argv[1] + "/integers.npz", a=integers, m=integers > 1)
      scaled = {"m.q": np.ones((4, 4), np.int8), "m.s": np.ones(4, np.float32)}
      save_file(scaled, sys.argv[1] + "/unknown.safetensors")
      """
    _ = try PythonPeer.run(code: code, [folder.path])
    for name in ["both.npz", "integers.npz"] {
      var options = ConvertOptions()
      options.dtypeRules = [DTypeRule(Glob("a"), .f16)]
      #expect {
        try Conversion(folder.file(name), to: folder.file("out.npz"), options: options)
      } throws: {
        if case .invalidRequest(.dtype, _)? = $0 as? IngotError { true } else { false }
      }
    }
    func kept(_ name: String) throws -> [Loss] {
      try Self.losses(.kept, folder.file(name), to: folder.file(name + ".npz")) { $0.dtype = .f16 }
    }
    #expect(try kept("both.npz").isEmpty)
    #expect(try kept("integers.npz").map(\.tensor) == ["a", "m"])
    // What stands beside them is not known to be their scales, which is all that can be said.
    let unknown = try kept("unknown.safetensors")
    #expect(unknown.map(\.tensor) == ["m.q"] && "\(unknown)".contains("no scales of its values are known"))
  }

  @Test func `a config states the dtype of its weights by every way`() throws {
    let folder = try TemporaryFolder()
    func stated(_ name: String) throws -> Bool {
      try String(decoding: folder.bytes("\(name)/config.json"), as: UTF8.self).contains(
        #""dtype": "float16""#)
    }
    let there = try Self.losses(.changed, Self.model, to: folder.file("half.gguf")) {
      ($0.program, $0.dtype) = (.llamaCpp, .f16)
    }
    #expect(there.count == 1 && there.first?.detail.pieces.contains(.value("ingot.config")) == true)
    let back = try Self.losses(.changed, folder.file("half.gguf"), to: folder.file("back/")) {
      $0.program = .transformers
    }
    #expect(try back.isEmpty && stated("back"))
    // Weights without a config, and one that was written for others.
    _ = try Self.losses(.changed, Self.model, to: folder.file("half.npz")) { $0.dtype = .f16 }
    let given = try Self.losses(.changed, folder.file("half.npz"), to: folder.file("given/")) {
      ($0.program, $0.config) = (.transformers, Self.model + "/config.json")
    }
    #expect(try given.count == 1 && stated("given"))
    _ = try Self.losses(.changed, Self.model, to: folder.file("rules/")) {
      $0.dtypeRules = [DTypeRule(Glob("*"), .f16)]
    }
    #expect(try stated("rules"))
  }

  @Test func `what is left out is said once, for one reason`() throws {
    let folder = try TemporaryFolder()
    let losses = try Self.losses(
      .dropped, Fixture.path("models/mask-buffers"), to: folder.file("a.safetensors")
    ) {
      $0.dialect = "openai"
      $0.selection = TensorSelection(include: [], exclude: [Glob("*.attn.bias")])
    }
    let names = losses.compactMap(\.tensor)
    #expect(names.contains { $0.hasSuffix("h.0.attn.bias") } && Set(names).count == names.count, "\(names)")
  }

  @Test func `from GGUF to GGUF keys of the container stay, and those that are new are said`() throws {
    let folder = try TemporaryFolder()
    let length = "qwen2.attention.key_length"
    _ = try Self.losses(.added, Fixture.path("qwen2/window-not-used"), to: folder.file("a.gguf")) {
      $0.program = .llamaCpp
    }
    #expect(try Ingot.open(folder.file("a.gguf")).metadata[length] != nil)
    var edit = EditOptions()
    edit.change.values = [("general.type", "model")]
    edit.change.removals = [Glob("*.attention.*_length")]
    _ = try Ingot.edit(folder.file("a.gguf"), options: edit)
    let added = try Self.losses(.added, folder.file("a.gguf"), to: folder.file("b.gguf")) {
      $0.program = .llamaCpp
    }
    #expect(added.contains { $0.detail.pieces.contains(.value(length)) }, "\(added)")
    let metadata = try Ingot.open(folder.file("b.gguf")).metadata
    #expect(metadata.string("general.type") == "model" && metadata[length] != nil)
  }

  @Test func `an index beside the output, by which a folder is read, is named`() throws {
    let folder = try TemporaryFolder()
    let input = Self.model + "/model.safetensors"
    var options = ConvertOptions()
    options.shardByteLimit = 100_000
    _ = try Conversion(input, to: folder.file("set/"), options: options).run()
    let before = try Ingot.hash(folder.file("set")).tensors.count
    for (name, isSaid) in [("model.safetensors", true), ("other.safetensors", false), ("model.npz", false)] {
      let losses = try Self.losses(.readers, input, to: folder.file("set/" + name)) {
        $0.selection.include = [Glob("*wte*")]
      }
      let isNamed = losses.contains { $0.detail.pieces.first == .value("model.safetensors.index.json") }
      #expect(isNamed == isSaid, "\(name)")
    }
    // The set is what is read.
    #expect(try Ingot.hash(folder.file("set/model.safetensors.index.json")).tensors.count == before)
    #expect(try Self.losses(.readers, input, to: folder.file("model.safetensors")).isEmpty)
  }
}
