// SPDX-License-Identifier: Apache-2.0
// Tensors that are cut into stretches for threads: the same bytes and reports for any number of them, and numpy's values.
import Foundation
import IngotBytes
import IngotKernels
import IngotKit
import IngotTestSupport
import Testing

@Suite(.serialized) struct ParallelOutputTests {
  /// Three tensors of several stretches, with tails, and some small ones.
  private static func source(in folder: TemporaryFolder) throws -> String {
    let path = folder.file("model.safetensors")
    _ = try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import save_file
        rng = np.random.default_rng(5)
        shapes = {"a": (3001, 701), "b": (257, 5003), "c": (1300003,), "d": (3, 5), "e": (), "f": (0, 7)}
        save_file({k: rng.standard_normal(s, dtype=np.float32) for k, s in shapes.items()}, sys.argv[1])
        """, [path])
    return path
  }

  /// SHA-256 of a file, read piece by piece: other tests measure children of this process, which begin with its memory.
  private func digest(_ path: String) throws -> String {
    let file = try FileByteSource(path: path)
    var hash = SHA256()
    for offset in stride(from: 0, to: file.byteCount, by: 1 << 20) {
      let bytes = try file.bytes(at: offset, count: min(1 << 20, file.byteCount - offset))
      bytes.withUnsafeBytes { hash.update($0) }
    }
    return hash.finishHex()
  }

  private static let jobCounts = [1, 2, 3, 64]

  @Test(
    arguments: [
      ("out.npz", nil), ("out.ingot", nil), ("out.safetensors", nil), ("out.npz", .f16),
      ("out.safetensors", .bf16),
      ("out.ingot", .f8E4M3), ("out.npz", .f64),
    ] as [(String, DType?)])
  func `converting gives the same bytes for any number of threads`(name: String, dtype: DType?) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    var first: String?
    for jobs in Self.jobCounts {
      var options = ConvertOptions()
      options.work.jobs = jobs
      options.force = true
      options.dtype = dtype
      options.check = jobs == 3
      _ = try Conversion(source, to: folder.file(name), options: options).run()
      let digest = try digest(folder.file(name))
      #expect(first == nil || first == digest, "\(jobs) threads")
      first = digest
    }
  }

  @Test func `numpy reads what the threads wrote, checksums included`() throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    _ = try Conversion(source, to: folder.file("out.npz"), options: ConvertOptions()).run()
    _ = try Conversion(folder.file("out.npz"), to: folder.file("back.safetensors"), options: ConvertOptions())
      .run()
    _ = try PythonPeer.run(
      code: """
        import sys, numpy as np, zipfile
        from safetensors.numpy import load_file
        assert zipfile.ZipFile(sys.argv[2]).testzip() is None
        a, b, c = load_file(sys.argv[1]), np.load(sys.argv[2]), load_file(sys.argv[3])
        assert set(a) == set(b) == set(c)
        for name in a:
            assert np.array_equal(a[name], b[name]) and np.array_equal(a[name], c[name]), name
        """, [source, folder.file("out.npz"), folder.file("back.safetensors")])
  }

  @Test func `damage in any stretch of a zip member is found`() throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    _ = try Conversion(source, to: folder.file("out.npz"), options: ConvertOptions()).run()
    for position in [5000, 5 << 20, 8_000_000] {
      let damaged = try folder.copy(folder.file("out.npz"), as: "\(position).npz")
      let handle = try FileHandle(forUpdating: URL(fileURLWithPath: damaged))
      try handle.seek(toOffset: UInt64(position))
      let byte = try #require(try handle.read(upToCount: 1)?.first)
      try handle.seek(toOffset: UInt64(position))
      try handle.write(contentsOf: [byte ^ 4])
      try handle.close()
      for jobs in [1, 4] {
        var options = ConvertOptions()
        options.work.jobs = jobs
        do {
          _ = try Conversion(
            damaged, to: folder.file("back.safetensors"), options: options
          ).run()
          Issue.record("byte \(position) is not missed")
        } catch {
          guard case .malformed(let rule, _, _, _) = error else { throw error }
          #expect(rule.id == "ZIP-14")
        }
      }
    }
  }

  @Test func `statistics and digests are the same for any number of threads, and numpy's`() throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    var reports: [InspectionReport] = []
    for (jobs, hashes) in [(1, false), (2, false), (5, false), (1, true), (4, true)] {
      var options = InspectOptions()
      options.work.jobs = jobs
      options.hashes = hashes
      options.statistics = true
      reports.append(try Ingot.inspect(source, options: options))
    }
    for report in reports {
      #expect(report.tensors.map(\.statistics) == reports[0].tensors.map(\.statistics))
    }
    #expect(reports[3].tensors.map(\.sha256) == reports[4].tensors.map(\.sha256))
    let lines = try PythonPeer.run(
      code: """
        import sys, hashlib, numpy as np
        from safetensors.numpy import load_file
        for name, t in sorted(load_file(sys.argv[1]).items()):
            x = t.astype(np.float64)
            print(name, hashlib.sha256(t.tobytes()).hexdigest(), *([x.mean(), x.std()] if x.size else []))
        """, [source]
    ).standardOutput.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(lines.count == 6)
    for line in lines {
      let tensor = try #require(reports[4].tensors.first { $0.descriptor.name == line[0] })
      #expect(tensor.sha256.map { $0 == line[1] } == true)
      guard line.count == 4, let mean = Double(line[2]), let deviation = Double(line[3]) else { continue }
      // Sums of two million doubles in another order.
      #expect((try #require(tensor.statistics?.mean) - mean).magnitude <= 1e-12)
      #expect((try #require(tensor.statistics?.standardDeviation) - deviation).magnitude <= 1e-12)
    }
  }

  @Test(arguments: [nil, 0, 1] as [Int?])
  func `tensors cut for threads are quantized as one`(axis: Int?) throws {
    let layout = ChannelLayout(shape: [2100, 1031], axis: axis)
    var random = SeededRandom(seed: 8)
    let values = random.floats(2100 * 1031)
    var whole = AbsoluteMaximum(layout)
    values.withUnsafeBufferPointer { whole.add($0, from: 0) }
    var pieces = AbsoluteMaximum(layout)
    for start in stride(from: 0, to: values.count, by: 70_000) {
      let end = min(values.count, start + 70_000)
      var piece = AbsoluteMaximum(layout)
      values.withUnsafeBufferPointer {
        piece.add(UnsafeBufferPointer(rebasing: $0[start..<end]), from: start)
      }
      pieces.merge(piece)
    }
    #expect(pieces.scales == whole.scales)
  }

  @Test(arguments: [1, 4])
  func `the first tensor that overflows is named with all its values`(jobs: Int) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("large.safetensors")
    _ = try PythonPeer.run(
      code: """
        import sys, numpy as np
        from safetensors.numpy import save_file
        a = np.ones(4000000, np.float32); a[[7, 2000000, 3999999]] = 1e6
        save_file({"a": a, "b": a, "c": a[:9].copy()}, sys.argv[1])
        """, [path])
    var options = ConvertOptions()
    options.work.jobs = jobs
    options.dtype = .f16
    do {
      _ = try Conversion(path, to: folder.file("out.safetensors"), options: options).run()
      Issue.record("1e6 does not fit F16")
    } catch {
      guard case .unrepresentable(let tensor, _, let why, _) = error else { throw error }
      #expect(tensor == "a")
      #expect(why.pieces.first == .count(Count(3, "value is", "values are")))
    }
    #expect(folder.entries() == ["large.safetensors"])
  }

  // MARK: - Faults

  private func convert(
    _ source: String, to output: String, jobs: Int, _ system: FaultySystem, dtype: DType? = nil
  ) throws(IngotError) {
    var options = ConvertOptions()
    options.work.jobs = jobs
    options.dtype = dtype
    options.work.system = system
    _ = try Conversion(source, to: output, options: options).run()
  }

  @Test(arguments: ["out.npz", "out.ingot", "out.safetensors"], [1, 4])
  func `a disk that fills midway leaves nothing`(name: String, jobs: Int) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    for writable in [0, 100_000, 9_000_000, 18_000_000] {
      do {
        try convert(source, to: folder.file(name), jobs: jobs, FaultySystem(writableByteCount: writable))
        Issue.record("\(writable) bytes are too few")
      } catch {
        guard case .environment(let failure) = error else { throw error }
        #expect(failure.errorNumber == Process.ErrorNumber.noSpace)
      }
      #expect(folder.entries() == ["model.safetensors"])
    }
  }

  @Test(arguments: ["out.npz", "out.ingot", "out.safetensors"], [1, 4])
  func `a source that ends early leaves nothing`(name: String, jobs: Int) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    for end in [1_000_000, 9_000_000, 18_500_000] {
      do {
        try convert(source, to: folder.file(name), jobs: jobs, FaultySystem(readableEnd: end))
        Issue.record("\(end) bytes are too few")
      } catch {
        guard case .sourceChanged = error else { throw error }
      }
      #expect(folder.entries() == ["model.safetensors"])
    }
  }

  @Test(arguments: [nil, .bf16] as [DType?])
  func `short transfers, and no help from the file system, give the same bytes`(dtype: DType?) throws {
    let folder = try TemporaryFolder()
    let source = try Self.source(in: folder)
    for name in ["a.safetensors", "a.npz", "a.ingot"] {
      if name == "a.npz", dtype != nil { continue }
      var options = ConvertOptions()
      options.dtype = dtype
      _ = try Conversion(source, to: folder.file(name), options: options).run()
      try convert(
        source, to: folder.file("b" + name), jobs: 3, FaultySystem(transferByteLimit: 99_991), dtype: dtype)
      #expect(try digest(folder.file(name)) == digest(folder.file("b" + name)))
    }
  }
}
