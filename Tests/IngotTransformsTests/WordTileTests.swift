// SPDX-License-Identifier: Apache-2.0
// int8 in words of four, as compressed-tensors packs them, and scales of largest magnitudes in 16 bits, against numpy.
import Foundation
import IngotBytes
import IngotCore
import IngotKernels
import IngotTestSupport
import IngotTransforms
import Testing

@Suite struct WordTileTests {
  /// Integers, words and scales of rows; scales as `ingot quantize` finds those of channels.
  private static let numpy = """
    import sys
    import numpy as np, ml_dtypes
    folder, size, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    dtype = {"F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16}[name]
    values = np.fromfile(f"{folder}/values", "<f4").reshape(-1, size)
    exact = np.abs(values).max(axis=1) / np.float32(127)
    stored = exact.astype(dtype)
    if dtype != np.float32:
        isSmall = stored.astype(np.float32) * np.float32(127.5) < exact * np.float32(127)
        stored = (stored.view(np.uint16) + isSmall).astype(np.uint16).view(dtype)
    scale = stored.astype(np.float32)[:, None]
    integers = np.where(scale > 0, np.clip(np.rint(values / np.where(scale > 0, scale, 1)), -127, 127), 0).astype("i1")
    words = np.zeros((len(values), -(-size // 4) * 4), "u1")
    words[:, :size] = (integers.astype("i2") + 128).astype("u1")
    words.tofile(f"{folder}/words")
    stored.tofile(f"{folder}/scales")
    """

  /// Random numbers, zeros, and numbers near the least there is.
  private static func values(_ count: Int) -> [Float] {
    var random = SeededRandom(seed: 13)
    var values = random.floats(count)
    for index in 88..<176 { values[index] = 0 }
    for index in 176..<264 { values[index] = Float(index) * 0x1p-32 }
    for index in 264..<352 { values[index] = Float(bitPattern: UInt32(index)) }
    return values
  }

  @Test(arguments: StorageKind.allCases, ScaleType.allCases)
  func `words and scales are numpy's`(_ kind: StorageKind, _ type: ScaleType) throws {
    let folder = try TemporaryFolder()
    let bytes = Self.values(1056).withUnsafeBytes { Array($0) }
    _ = try folder.write(bytes, to: "values")
    // Rows of whole words, and of one, two and three bytes over.
    for (rows, size) in [(12, 88), (96, 11), (48, 22), (32, 33), (1056, 1)] {
      let shape = try #require(Shape([rows, size]))
      let (content, storage) = try kind.store(bytes, shape: shape, width: 4, dtype: .f32)
      let files = SourceFiles(sources: [MemoryByteSource(content, path: "memory")])
      let part = LazyPart.stored(
        name: "m", StoredPart(PartType(kind: .values, dtype: .f32, shape: shape), storage))
      try PythonPeer.run(code: Self.numpy, [folder.path, "\(size)", type.dtype.rawValue])
      let rule = RunRule(size: size, scaleType: type)
      let words = LazyPart.words(.runs(part, rule, .integers))
      #expect(words.dtype == .i32 && words.shape.dimensions == [rows, size.dividedUp(by: 4)])
      for grains in [1, 3] {
        #expect(try read(words, files, grains: grains) == folder.bytes("words"), "\(size)")
        #expect(
          try read(.runs(part, rule, .scales), files, grains: grains) == folder.bytes("scales"), "\(size)")
      }
      let tiles = try words.open(files: files, scratchFolder: folder.path)
      try TileEngine().forEachTile(of: tiles) { (_, _) throws(IngotError) in }
      #expect(try #require(tiles.quantizationError).count == 1056)
    }
  }
}
