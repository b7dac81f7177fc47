// SPDX-License-Identifier: Apache-2.0
// Models that are cut for several processors, against sets that an independent script cut (fixtures/llama-golden/meta) and
// against NumPy; and what can't be cut. Page: formats/pytorch.md, "Sets that are cut".
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct ParallelCutTests {
  private static let sets = [
    ("two-shards", 2), ("two-shards-llama3", 2), ("four-shards-two-key-heads", 4),
  ]
  private static let names = sets.map(\.0)

  private static func path(_ name: String) -> String { Fixture.path("llama-golden/meta/\(name)") }

  private static func options(
    _ count: Int?, _ change: (inout ConvertOptions) -> Void = { _ in }
  ) -> ConvertOptions {
    var options = ConvertOptions()
    (options.program, options.modelParallelCount, options.check) = (.meta, count, true)
    change(&options)
    return options
  }

  private static func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".pth") }.sorted()
  }

  /// What each file holds by itself: a line a tensor; without the frequencies, which are computed.
  private static func pieces(_ folder: String) throws -> [[String]] {
    try files(folder).map {
      try DialectTests.digests("\(folder)/\($0)").filter { !$0.contains("rope.freqs") }
    }
  }

  // MARK: - Against others

  @Test(arguments: sets)
  func `each file holds what that of the script holds, from one file or from the set itself`(
    _ name: String, _ count: Int
  ) throws {
    let folder = try TemporaryFolder()
    let expected = try Self.pieces(Self.path(name))
    #expect(expected.count == count)
    for (number, source) in [Self.path(name) + "/hf", Self.path(name)].enumerated() {
      let report = try Ingot.convert(source, to: folder.file("out\(number)/"), options: Self.options(count))
      #expect(report.wasChecked)
      #expect(try Self.pieces(folder.file("out\(number)")) == expected)
      #expect(report.tensorCount == expected[0].count)
      #expect(report.fileNames.filter { $0.hasSuffix(".pth") } == (try Self.files(Self.path(name))))
    }
  }

  @Test(arguments: names, [2, 4])
  func `NumPy cuts alike`(_ name: String, _ count: Int) throws {
    let folder = try TemporaryFolder()
    let hf = Self.path(name) + "/hf"
    for cut in EmbeddingCut.allCases {
      let out = folder.file(cut.rawValue)
      _ = try Ingot.convert(hf, to: out + "/", options: Self.options(count) { $0.embeddingCut = cut })
      try PythonPeer.run("Tests/Peers/cut_llama.py", [hf, out, "\(count)", cut.rawValue])
    }
  }

  // MARK: - There and back

  @Test(arguments: names + ["one-shard"], [1, 2, 4])
  func `a model comes back with equal digests and the same config`(_ name: String, _ count: Int) throws {
    let folder = try TemporaryFolder()
    let hf = Self.path(name) + "/hf"
    _ = try Ingot.convert(hf, to: folder.file("cut/"), options: Self.options(count))
    #expect(try Self.files(folder.file("cut")).count == count)
    #expect(try Ingot.validate(folder.file("cut")).isValid)
    var back = ConvertOptions()
    (back.program, back.check) = (.transformers, true)
    _ = try Ingot.convert(folder.file("cut"), to: folder.file("back/"), options: back)
    #expect(try DialectTests.digests(folder.file("back")) == DialectTests.digests(hf))
    #expect(try DecoderDialectTests.config(folder.file("back")) == DecoderDialectTests.config(hf))
  }

  @Test(arguments: sets, [1, 2, 4])
  func `a set is joined and cut again by another number`(_ set: (String, Int), _ count: Int) throws {
    let folder = try TemporaryFolder()
    _ = try Ingot.convert(Self.path(set.0), to: folder.file("other/"), options: Self.options(count))
    _ = try Ingot.convert(folder.file("other"), to: folder.file("again/"), options: Self.options(set.1))
    #expect(try Self.pieces(folder.file("again")) == Self.pieces(Self.path(set.0)))
  }

  @Test func `for one processor the file is that without a number`() throws {
    let folder = try TemporaryFolder()
    let source = Self.path("two-shards")
    for count in [nil, 1] {
      _ = try Ingot.convert(source, to: folder.file("\(count ?? 0)/"), options: Self.options(count))
    }
    #expect(try folder.bytes("0/consolidated.00.pth") == folder.bytes("1/consolidated.00.pth"))
    #expect(try Self.files(folder.file("1")) == ["consolidated.00.pth"])
  }

  @Test func `every kind of source is cut to the same pieces`() throws {
    let folder = try TemporaryFolder()
    let hf = Self.path("two-shards-llama3") + "/hf"
    for name in ["a.ingot", "b.npz", "c.npz", "d.pt"] {
      var options = ConvertOptions()
      (options.dialect, options.compresses) = ("hf", name == "c.npz")
      // NumPy has no BF16.
      options.dtype = name.hasSuffix(".npz") ? .f32 : nil
      _ = try Ingot.convert(hf, to: folder.file(name), options: options)
      let cut = Self.options(2) {
        $0.config = hf + "/config.json"
        $0.dtype = .bf16
      }
      _ = try Ingot.convert(folder.file(name), to: folder.file(name + ".cut/"), options: cut)
      #expect(try Self.pieces(folder.file(name + ".cut")) == Self.pieces(Self.path("two-shards-llama3")))
    }
  }

  // MARK: - The embedding

  @Test func `a set that is read is cut as it was, and otherwise the model or the option tells`() throws {
    let folder = try TemporaryFolder()
    let hf = Self.path("two-shards") + "/hf"
    let byRows = Self.options(2) { $0.embeddingCut = .rows }
    let report = try Ingot.convert(hf, to: folder.file("rows/"), options: byRows)
    #expect(report.losses.contains { $0.kind == .readers && "\($0.detail)".contains("rows") })
    // The model alone says columns.
    _ = try Ingot.convert(folder.file("rows"), to: folder.file("again/"), options: Self.options(2))
    #expect(try Self.pieces(folder.file("again")) == Self.pieces(folder.file("rows")))
    #expect(try Self.pieces(folder.file("rows")) != Self.pieces(Self.path("two-shards")))
    let byColumns = Self.options(2) { $0.embeddingCut = .columns }
    _ = try Ingot.convert(folder.file("rows"), to: folder.file("columns/"), options: byColumns)
    #expect(try Self.pieces(folder.file("columns")) == Self.pieces(Self.path("two-shards")))
  }

  @Test(
    arguments: [
      (#""rope_theta": 10000.0"#, EmbeddingCut.columns), (#""rope_theta": 1000000.0"#, .columns),
      (#""rope_theta": 500000.0"#, .rows), (#""vocab_size": 32000"#, .columns),
      (#""vocab_size": 128000"#, .rows),
      (
        #""rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}"#,
        .rows
      ),
    ])
  func `the model tells by its vocabulary, base and scaling`(_ key: String, _ cut: EmbeddingCut) throws {
    let folder = try TemporaryFolder()
    let model = try Self.model("{\(Self.numbers(vocabulary: 64)), \(key)}", in: folder)
    let report = try Conversion(model, to: folder.file("out/"), options: Self.options(2)).report
    let told = report.losses.filter { $0.kind == .readers }.map { "\($0.detail)" }
    #expect(told.count == 1 && told[0].contains("by \(cut.rawValue)"), "\(told)")
  }

  /// Keys of a small model's config; those that come later count.
  private static func numbers(
    heads: Int = 4, keyHeads: Int = 4, vocabulary: Int = 64, inner: Int = 32
  ) -> String {
    """
    "model_type": "llama", "hidden_size": \(4 * heads), "num_hidden_layers": 1, "num_attention_heads": \(heads), \
    "num_key_value_heads": \(keyHeads), "intermediate_size": \(inner), "max_position_embeddings": 16, \
    "rms_norm_eps": 1e-05, "hidden_act": "silu", "vocab_size": \(vocabulary)
    """
  }

  /// An untrained model.
  private static func model(_ config: String, in folder: TemporaryFolder) throws -> String {
    // Keys are there once.
    var config = config
    if config.matches(of: /"vocab_size"/).count > 1 { config.replace(#""vocab_size": 64, "#, with: "") }
    var options = InitializeOptions()
    options.config = try folder.write(config, to: "config.json")
    _ = try Ingot.initialize("llama", to: folder.file("model/"), options: options)
    return folder.file("model")
  }

  @Test func `a tied head shares rows of the embedding, and has its own where that is cut by columns`() throws
  {
    let folder = try TemporaryFolder()
    let model = try Self.model(#"{\#(Self.numbers()), "tie_word_embeddings": true}"#, in: folder)
    for cut in EmbeddingCut.allCases {
      let out = folder.file(cut.rawValue)
      let options = Self.options(2) { $0.embeddingCut = cut }
      let report = try Ingot.convert(model, to: out + "/", options: options)
      #expect(report.losses.count { $0.kind == .alias } == (cut == .rows ? 0 : 1))
      let tensors = try Ingot.inspect(out + "/consolidated.01.pth").checkpoint.tensors
      let head = try #require(tensors.first { $0.name == "output.weight" })
      #expect(head.aliasOf == (cut == .rows ? "tok_embeddings.weight" : nil))
      let digests = try Ingot.hash(out).tensors.filter {
        ["output.weight", "tok_embeddings.weight"].contains($0.name)
      }
      #expect(digests.count == 2 && Set(digests.map(\.sha256)).count == 1)
    }
  }

  // MARK: - What is said and refused

  @Test func `repeated heads are told, and what casting rounds is counted once`() throws {
    let folder = try TemporaryFolder()
    let model = try Self.model("{\(Self.numbers(keyHeads: 2))}", in: folder)
    let reports = try [1, 2, 4].map { (count: Int) in
      try Ingot.convert(
        model, to: folder.file("\(count)/"), options: Self.options(count) { $0.dtype = .bf16 })
    }
    let rounded = reports.map { report in report.losses.filter { $0.kind == .cast } }
    #expect(rounded[0].count > 5 && rounded[1] == rounded[0] && rounded[2] == rounded[0])
    #expect(reports.map { report in report.losses.count { $0.kind == .readers } } == [0, 1, 2])
    #expect(reports[1].tensorCount == reports[0].tensorCount)
  }

  @Test func `a tensor may be left out, but not what tells how another is cut`() throws {
    let folder = try TemporaryFolder()
    let source = Self.path("two-shards") + "/hf"
    let some = Self.options(2) { $0.selection = TensorSelection(exclude: [Glob("*layers.1.*")]) }
    _ = try Ingot.convert(source, to: folder.file("some/"), options: some)
    #expect(try Self.pieces(folder.file("some"))[1].count < Self.pieces(Self.path("two-shards"))[1].count)
    let error = #expect(throws: IngotError.self) {
      let options = Self.options(2) { $0.selection = TensorSelection(exclude: [Glob("model.norm.weight")]) }
      _ = try Conversion(source, to: folder.file("none/"), options: options)
    }
    guard case .unrepresentable("tok_embeddings.weight", "meta", let why, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect("\(why)".contains("norm.weight"))
  }

  @Test(
    arguments: [
      (numbers(), 3, nil, "4 heads"), (numbers(), 8, nil, "4 heads"),
      (numbers(heads: 6, keyHeads: 6), 4, nil, "6 heads"),
      (numbers(heads: 6, keyHeads: 3), 2, nil, "3 heads of keys"),
      (numbers(inner: 30), 4, "layers.0.feed_forward.w1.weight", "30 rows"),
      (numbers(vocabulary: 66), 4, "output.weight", "66 rows"),
      (numbers(vocabulary: 66) + #", "rope_theta": 500000.0"#, 4, "tok_embeddings.weight", "66 rows"),
    ] as [(String, Int, String?, String)])
  func `what so many files can't have in equal parts is refused by name`(
    _ numbers: String, _ count: Int, _ tensor: String?, _ words: String
  ) throws {
    let folder = try TemporaryFolder()
    let model = try Self.model("{\(numbers)}", in: folder)
    let error = #expect(throws: IngotError.self) {
      try Ingot.convert(model, to: folder.file("out/"), options: Self.options(count))
    }
    guard case .unrepresentable(tensor, "meta", let why, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect("\(why)".contains(words) && "\(why)".contains("\(count) files"), "\(why)")
    #expect(!folder.entries().contains { $0.hasPrefix("out") })
  }

  @Test func `other programs, formats and options are refused`() throws {
    let rename = try TensorRename("output.weight=head")
    let cases: [(RequestOption, (inout ConvertOptions) -> Void)] = [
      (.modelParallelCount, { $0.modelParallelCount = 0 }),
      (.modelParallelCount, { $0.modelParallelCount = -2 }),
      (.modelParallelCount, { $0.modelParallelCount = 101 }),
      (.modelParallelCount, { $0.program = nil }),
      (.modelParallelCount, { ($0.program, $0.dialect, $0.format) = (nil, "meta", "pytorch") }),
      (.modelParallelCount, { $0.program = .mistral }), (.modelParallelCount, { $0.program = .llamaCpp }),
      (.modelParallelCount, { ($0.program, $0.format) = (nil, "gguf") }),
      (.format, { $0.format = "gguf" }), (.shardByteLimit, { $0.shardByteLimit = 1000 }),
      (.renames, { $0.renames = [rename] }),
      (.embeddingCut, { ($0.modelParallelCount, $0.embeddingCut) = (1, .rows) }),
      (.embeddingCut, { ($0.modelParallelCount, $0.embeddingCut) = (nil, .rows) }),
    ]
    let folder = try TemporaryFolder()
    for (option, change) in cases {
      let error = #expect(throws: IngotError.self) {
        try Ingot.convert(
          Self.path("two-shards"), to: folder.file("out/"), options: Self.options(2, change))
      }
      guard case .invalidRequest(option, _)? = error else {
        Issue.record("\(option): \(String(describing: error))")
        continue
      }
    }
    let error = #expect(throws: IngotError.self) {
      try Ingot.convert(Self.path("two-shards"), to: "-", options: Self.options(2))
    }
    guard case .invalidRequest(.program, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(folder.entries().isEmpty)
  }

  /// Changes a byte of one of the files when they are about to be read back.
  private final class Damage: ProgressObserver, @unchecked Sendable {
    // SAFETY: neither changes; `begin` is called from one thread.
    private let folder: String
    private let name: String
    init(_ folder: String, _ name: String) { (self.folder, self.name) = (folder, name) }

    func begin(_ activity: String, count: Int, unit: ProgressUnit) {
      guard activity == "reading back", let all = FileManager.default.enumerator(atPath: folder) else {
        return
      }
      for case let path as String in all where path.hasSuffix(name) {
        guard let file = FileHandle(forUpdatingAtPath: "\(folder)/\(path)") else { continue }
        try? file.seek(toOffset: 6000)
        let byte = (try? file.read(upToCount: 1))?.first ?? 0
        try? file.seek(toOffset: 6000)
        try? file.write(contentsOf: [byte ^ 1])
      }
    }
    func advance(_ count: Int) {}
    func end() {}
  }

  @Test(arguments: ["consolidated.00.pth", "consolidated.03.pth"])
  func `one bit that the disk has changed is found in any file`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let source = Self.path("four-shards-two-key-heads") + "/hf"
    let error = #expect(throws: IngotError.self) {
      try Ingot.convert(
        source, to: folder.file("out/"), options: Self.options(4), progress: Damage(folder.path, name))
    }
    guard case .sourceChanged? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(folder.entries() == [])
  }

  @Test func `an output of other files is replaced as a whole`() throws {
    let folder = try TemporaryFolder()
    let source = Self.path("four-shards-two-key-heads")
    for count in [4, 2] {
      let options = Self.options(count) { $0.force = true }
      _ = try Ingot.convert(source, to: folder.file("out/"), options: options)
      #expect(try Self.files(folder.file("out")).count == count)
    }
    #expect(throws: IngotError.self) {
      try Ingot.convert(source, to: folder.file("out/"), options: Self.options(2))
    }
  }
}
