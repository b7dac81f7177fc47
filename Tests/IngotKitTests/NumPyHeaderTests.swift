// SPDX-License-Identifier: Apache-2.0
// Headers that are written keep numpy's promise: the data starts at a multiple of 64 bytes.
import IngotKit
import IngotTestSupport
import Testing

@Suite struct NumPyHeaderTests {
  @Test func `data starts at a multiple of 64 bytes, whatever the shape`() throws {
    let folder = try TemporaryFolder()
    // Headers of every length modulo 64, and one that is too long for version 1.
    let code = """
      import sys, numpy as np
      from safetensors.numpy import save_file
      for number in range(1, 33):
          save_file({"a": np.zeros((1,) * number, np.uint8)}, f"{sys.argv[1]}/{number}.safetensors")
      """
    _ = try PythonPeer.run(code: code, [folder.path])
    var names: [String] = []
    for number in 1..<33 {
      let name = folder.file("\(number).npy")
      _ = try Conversion(
        folder.file("\(number).safetensors"), to: name, options: ConvertOptions()
      ).run()
      names.append(name)
    }
    let ask = """
      import sys, numpy as np
      for path in sys.argv[1:]:
          with open(path, "rb") as file:
              major, _ = np.lib.format.read_magic(file)
              (np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0)(file)
              print(file.tell())
      """
    let offsets = try PythonPeer.run(code: ask, names).standardOutput.split(separator: "\n")
    #expect(offsets.count == names.count)
    for offset in offsets.compactMap({ Int($0) }) { #expect(offset > 0 && offset % 64 == 0) }
  }
}
