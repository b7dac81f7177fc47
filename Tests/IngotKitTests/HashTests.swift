// SPDX-License-Identifier: Apache-2.0
// The digest of a checkpoint, by its definition in Python.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct HashTests {
  @Test func `a digest is that of the sorted lines, whatever the order in the file`() throws {
    let folder = try TemporaryFolder()
    let code = """
      import hashlib, sys, numpy as np
      arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a.b": np.array(7, np.int64), "a": np.zeros(0, "?")}
      names = {"float32": "F32", "int64": "I64", "bool": "BOOL"}
      for number, order in enumerate((["a", "a.b", "b"], ["b", "a.b", "a"], ["a.b", "b", "a"])):
          np.savez(f"{sys.argv[1]}/{number}.npz", **{name: arrays[name] for name in order})
      digest = hashlib.sha256()
      for name in sorted(arrays):
          array = arrays[name]
          values = hashlib.sha256(array.tobytes()).hexdigest()
          shape = ",".join(map(str, array.shape))
          digest.update(f"{values}  {names[array.dtype.name]}  {shape}  {name}\\n".encode())
      print(digest.hexdigest())
      """
    let digest = try PythonPeer.run(code: code, [folder.path]).standardOutput.dropLast()
    for number in 0..<3 { #expect(try Ingot.hash(folder.file("\(number).npz")).model == digest) }
  }
}
