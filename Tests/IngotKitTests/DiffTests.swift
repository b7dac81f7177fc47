// SPDX-License-Identifier: Apache-2.0
// What differs between checkpoints, against files that another library cast.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct DiffTests {
  /// The same values in F32 and in another dtype, rounded by ml_dtypes.
  private func pair(_ dtype: String, in folder: TemporaryFolder) throws -> (wide: String, narrow: String) {
    let (wide, narrow) = (folder.file("wide.safetensors"), folder.file("narrow.safetensors"))
    let code = """
      import sys, ml_dtypes, numpy as np
      from safetensors.numpy import save_file
      values = np.random.default_rng(5).standard_normal((7, 33)).astype(np.float32)
      save_file({"w": values}, sys.argv[1])
      save_file({"w": values.astype(sys.argv[3])}, sys.argv[2])
      """
    _ = try PythonPeer.run(code: code, [wide, narrow, dtype])
    return (wide, narrow)
  }

  @Test(arguments: [("bfloat16", DType.bf16), ("float16", .f16)])
  func `a tensor that is the other's cast is called that, from either side`(
    _ name: String, _ dtype: DType
  ) throws {
    let folder = try TemporaryFolder()
    let (wide, narrow) = try pair(name, in: folder)
    let down = try #require(try Ingot.diff(wide, narrow).changed.first)
    #expect(down.isCastTo == dtype && down.isCastFrom == nil)
    let up = try #require(try Ingot.diff(narrow, wide).changed.first)
    #expect(up.isCastTo == nil && up.isCastFrom == dtype)
    #expect(up.maxAbs == down.maxAbs && up.differingCount == down.differingCount)
  }

  /// 262,144 bytes are compared at a time.
  @Test(arguments: [0, 65_536, 199_999])
  func `a tensor that differs in one place of many is changed, wherever that is`(_ place: Int) throws {
    let folder = try TemporaryFolder()
    let paths = (folder.file("a.safetensors"), folder.file("b.safetensors"))
    let code = """
      import sys, numpy as np
      from safetensors.numpy import save_file
      values = np.ones(200_000, np.float32)
      save_file({"w": values}, sys.argv[1])
      values[int(sys.argv[3])] = 2
      save_file({"w": values}, sys.argv[2])
      """
    _ = try PythonPeer.run(code: code, [paths.0, paths.1, String(place)])
    let change = try #require(try Ingot.diff(paths.0, paths.1).changed.first)
    #expect(change.differingCount == 1 && change.maxAbs == 1)
  }
}
