// SPDX-License-Identifier: Apache-2.0
// What a conversion must say or refuse: one value of many beyond the new dtype's range, and rows that only pad.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct LossReportTests {
  /// A source dtype as numpy and ml_dtypes call it, a target, and a value of the source that the target has no number for.
  private static let overflows: [(source: String, target: DType, value: String)] = [
    ("float32", .f16, "70000"), ("float32", .bf16, "3.4028235e38"), ("float32", .f8E4M3, "-500"),
    ("float32", .f8E5M2, "1e6"), ("float64", .f32, "-1e300"), ("float64", .f16, "65520"),
    ("float64", .bf16, "1e39"), ("bfloat16", .f16, "-1e38"), ("float16", .f8E4M3, "60000"),
  ]

  /// Lengths of one and of several tiles and stretches, each with a tail, and where the one value stands.
  private static let places: [(count: Int, index: Int)] = [
    (1, 0), (17, 16), (1000, 0), (70_001, 70_000), (1_300_003, 650_000), (1_300_003, 1_300_002),
  ]

  @Test(arguments: overflows.indices, places.indices)
  func `one value that overflows is refused, counted and named`(_ cast: Int, _ place: Int) throws {
    let (source, target, value) = Self.overflows[cast]
    let (count, index) = Self.places[place]
    let folder = try TemporaryFolder()
    let path = folder.file("in.safetensors")
    _ = try PythonPeer.run(
      code: """
        import sys, numpy as np, ml_dtypes
        from safetensors.numpy import save_file
        path, dtype, count, index, value = sys.argv[1:]
        dtype = np.dtype(getattr(ml_dtypes, dtype, None) or dtype)
        a = np.ones(int(count), dtype)
        a[int(index)] = float(value)
        assert np.isfinite(a.astype(np.float64)).all()
        if dtype.name == "bfloat16":
            import struct
            head = ('{"a":{"dtype":"BF16","shape":[%s],"data_offsets":[0,%d]}}' % (count, a.nbytes)).encode()
            open(path, "wb").write(struct.pack("<Q", len(head)) + head + a.tobytes())
        else:
            save_file({"a": a}, path)
        """, [path, source, "\(count)", "\(index)", value])
    var options = ConvertOptions()
    options.dtype = target
    do {
      _ = try Conversion(path, to: folder.file("out.safetensors"), options: options).run()
      Issue.record("\(value) passes as \(target)")
    } catch {
      guard case .unrepresentable(let tensor, _, let why, _) = error else { throw error }
      #expect(tensor == "a")
      #expect(why.pieces.first == .count(Count(1, "value is", "values are")))
    }
    options.onOverflow = .saturate
    let report = try Conversion(path, to: folder.file("out.safetensors"), options: options).run()
    let losses = report.losses.filter { $0.kind == .overflow }
    #expect(losses.map(\.tensor) == ["a"])
    #expect(losses.first?.detail.pieces.first == .count(Count(1, "value")))
  }

  @Test func `rows that pad the vocabulary are told of on both ways`() throws {
    let folder = try TemporaryFolder()
    let count = 200
    let config = try folder.write(
      """
      {"model_type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 8, "n_positions": 16, "vocab_size": \(count)}
      """, to: "config.json")
    var size = InitializeOptions()
    size.config = config
    _ = try Ingot.initialize("gpt2", to: folder.file("model/"), options: size)
    // llm.c's rows are a multiple of 128: `padded_vocab_size` in its train_gpt2.py.
    let padding = 56
    var options = ConvertOptions()
    options.format = "llmc"
    let there = try Conversion(folder.file("model"), to: folder.file("model.bin"), options: options).run()
    #expect(
      there.losses.filter { $0.kind == .padding }.map { $0.detail.pieces.first }
        == [.count(Count(padding, "row of zeros stands", "rows of zeros stand"))])

    // Zeros, and rows that a training has given values.
    for isZero in [true, false] {
      if !isZero { try fillPadding(of: folder.file("model.bin"), rows: padding, behind: count) }
      options = ConvertOptions()
      options.dialect = "hf"
      options.force = true
      let back = try Conversion(folder.file("model.bin"), to: folder.file("back") + "/", options: options)
        .run()
      let left = back.losses.filter { $0.kind == .padding }
      #expect(
        left.map { $0.detail.pieces.first } == [
          .count(Count(padding, "row behind the vocabulary is", "rows behind the vocabulary are"))
        ])
      let words = left.first?.detail.pieces.map { piece in
        if case .words(let text) = piece { text } else { "" }
      }.joined()
      #expect(words?.hasSuffix(isZero ? ", all zeros" : "not all zeros") == true, "\(words ?? "")")
    }
  }

  /// Puts a one into the last row of the token embedding, the first tensor of llm.c's file: 256 numbers, then F32.
  private func fillPadding(of path: String, rows: Int, behind count: Int) throws {
    _ = try PythonPeer.run(
      code: """
        import sys, numpy as np
        path, rows = sys.argv[1], int(sys.argv[2])
        head = np.fromfile(path, np.int32, 256)
        data = np.memmap(path, np.float32, "r+", offset=1024)
        data[rows * head[6] - 1] = 1
        data.flush()
        """, [path, "\(rows + count)"])
  }
}
