// SPDX-License-Identifier: Apache-2.0
// Values that become int8 run by run while they are read: integers, scales and cost by numpy, whatever the storage; shares of
// stacks; and what is refused.
import Foundation
import IngotBytes
import IngotCore
import IngotKernels
import IngotTestSupport
import IngotTransforms
import Testing

@Suite struct RunTileTests {
  /// export.py's `quantize_q80`, with 0 for what it divides by 0.
  private static let numpy = """
    import json, sys
    import numpy as np
    folder, size = sys.argv[1], int(sys.argv[2])
    values = np.fromfile(f"{folder}/values", "<f4").reshape(-1, size)
    scales = np.abs(values).max(axis=1) / np.float32(127)
    isUsed = scales[:, None] > 0
    quotients = values / np.where(isUsed, scales[:, None], np.float32(1))
    assert quotients.dtype == np.float32
    integers = np.where(isUsed, np.clip(np.rint(quotients), -127, 127), 0).astype("i1")
    integers.tofile(f"{folder}/integers")
    scales.tofile(f"{folder}/scales")
    difference = np.abs(values.astype("f8") - (integers.astype("f4") * scales[:, None]).astype("f8"))
    print(json.dumps({"largest": difference.max(), "noise": (difference ** 2).sum()}))
    """

  private struct Cost: Codable {
    let largest: Double
    let noise: Double
  }

  /// Rows of 88 values, which runs of 32 go across: random ones, ties, zeros, and numbers near the least there is.
  private static func values() -> [Float] {
    var random = SeededRandom(seed: 11)
    var values = random.floats(12 * 88)
    for index in 32..<64 { values[index] = Float(index - 40) + 0.5 }
    values[40] = 127
    for index in 96..<128 { values[index] = 0 }
    for index in 128..<160 { values[index] = Float(bitPattern: UInt32(index)) }
    for index in 160..<192 { values[index] = index == 170 ? -0x1p-148 : 0 }
    return values
  }

  private static func bytes(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

  private static func stored(
    _ values: [Float], _ shape: Shape, _ kind: StorageKind = .raw
  ) throws -> (SourceFiles, LazyPart) {
    let (content, storage) = try kind.store(bytes(values), shape: shape, width: 4, dtype: .f32)
    return (
      SourceFiles(sources: [MemoryByteSource(content, path: "memory")]),
      .stored(name: "m", StoredPart(PartType(kind: .values, dtype: .f32, shape: shape), storage))
    )
  }

  @Test(arguments: StorageKind.allCases, [1, 3])
  func `integers, scales and cost are numpy's`(_ kind: StorageKind, _ grains: Int) throws {
    let folder = try TemporaryFolder()
    let values = Self.values()
    _ = try folder.write(Self.bytes(values), to: "values")
    let answer = try PythonPeer.run(code: Self.numpy, [folder.path, "32"]).standardOutput
    let cost = try JSONDecoder().decode(Cost.self, from: Data(answer.utf8))
    let (files, part) = try Self.stored(values, [12, 88], kind)
    let integers = LazyPart.runs(part, RunRule(size: 32), .integers)
    #expect(integers.dtype == .i8 && integers.shape == [12, 88])
    #expect(try read(integers, files, grains: grains) == folder.bytes("integers"))
    let scales = LazyPart.runs(part, RunRule(size: 32), .scales)
    #expect(scales.dtype == .f32 && scales.shape == [33])
    #expect(try read(scales, files, grains: grains) == folder.bytes("scales"))
    let tiles = try integers.open(files: files, scratchFolder: folder.path)
    try TileEngine().forEachTile(of: tiles) { (_, _) throws(IngotError) in }
    let error = try #require(tiles.quantizationError)
    #expect(error.count == values.count && error.largest == cost.largest)
    // Sums of 1,056 doubles in another order.
    #expect((error.noise - cost.noise).magnitude <= 1e-12 * cost.noise)
    // The scales are of the same values: what they cost is told once.
    let others = try scales.open(files: files, scratchFolder: folder.path)
    try TileEngine().forEachTile(of: others) { (_, _) throws(IngotError) in }
    #expect(others.quantizationError == nil && others.castReport == nil)
  }

  @Test(arguments: StorageKind.allCases, ScaleType.allCases)
  func `runs of columns are those of the matrix turned`(_ kind: StorageKind, _ type: ScaleType) throws {
    var random = SeededRandom(seed: 12)
    let values = random.floats(96 * 37)
    let (files, part) = try Self.stored(values, [96, 37], kind)
    let turned = LazyPart.transposed(part)
    let (columns, rows) = (
      RunRule(size: 32, columnCount: 37, scaleType: type, isFitted: true),
      RunRule(size: 32, scaleType: type, isFitted: true)
    )
    let scales = LazyPart.runs(part, columns, .scales).reshape(to: [3, 37])
    #expect(scales.dtype == type.dtype)
    for grains in [1, 2] {
      #expect(
        try read(.runs(part, columns, .integers), files, grains: grains)
          == read(.transposed(.runs(turned, rows, .integers)), files))
      #expect(
        try read(scales, files, grains: grains)
          == read(.transposed(LazyPart.runs(turned, rows, .scales).reshape(to: [37, 3])), files))
    }
  }

  @Test(arguments: [RunContent.integers, .scales])
  func `a share of a stack is what stands in its place of the whole`(_ content: RunContent) throws {
    // Four blocks of 3 × 88: a block has whole runs of 8, its rows of 88 too; of 24 only the block.
    let values = Self.values()
    for size in [8, 24] {
      let (files, whole) = try Self.stored(values, [4, 3, 88])
      let segments = (0..<4).map { StorageSegment(file: 0, offset: $0 * 1056, byteCount: 1056) }
      var storage = TensorStorage(segments[0])
      storage.segments = .many(segments)
      let ranges = LazyPart.stored(
        name: "m", StoredPart(PartType(kind: .values, dtype: .f32, shape: [4, 3, 88]), storage))
      let stack = LazyPart.stack((0..<4).map { whole.element($0) })
      let expected = try read(.runs(whole, RunRule(size: size), content), files)
      for part in [whole, ranges, stack, .transposed(.transposed(whole.reshape(to: [12, 88])))] {
        let shares = try (0..<4).map { index in
          try read(LazyPart.runs(part, RunRule(size: size), content).share(index, of: 4), files)
        }
        #expect(shares.flatMap { $0 } == expected)
      }
      for part in [whole, ranges] {
        guard case .stored? = Optional(part.share(2, of: 4)) else {
          Issue.record("a share of what is stored is a range of the file")
          continue
        }
        #expect(part.share(2, of: 4).exactRange == segments[2])
      }
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity], [RunContent.integers, .scales])
  func `values that are not finite are refused`(_ value: Float, _ content: RunContent) throws {
    var values = Self.values()
    values[700] = value
    let (files, part) = try Self.stored(values, [12, 88])
    let error = #expect(throws: IngotError.self) {
      _ = try read(.runs(part, RunRule(size: 32), content), files)
    }
    guard case .unrepresentable("m", _, let why, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect("\(why)".contains("not finite"))
  }
}
