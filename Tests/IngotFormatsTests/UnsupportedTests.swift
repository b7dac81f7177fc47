// SPDX-License-Identifier: Apache-2.0
// Sound files that are not read are refused by name, not taken for malformed ones, and not read halfway.
import Foundation
import IngotCore
import IngotFormats
import IngotTestSupport
import Testing

@Suite struct UnsupportedTests {
  private static let files = ["tensorflow", "ingot"].flatMap { folder in
    Fixture.names(in: "unsupported/\(folder)").map { "unsupported/\(folder)/\($0)" }
  }

  private func expectUnsupported(_ path: String) {
    let error = #expect(throws: IngotError.self) { _ = try CheckpointOpener().open(path) }
    guard case .unsupported? = error else { return #expect(Bool(false), "\(String(describing: error))") }
  }

  @Test(arguments: files)
  func `what TensorFlow or a later version may write is refused by name`(_ name: String) {
    expectUnsupported(Fixture.path(name))
  }

  /// Bit 0 of an entry's flags, as PKWARE's APPNOTE.TXT has it, 4.4.4.
  @Test(arguments: [8, 0])
  func `an encrypted entry of a zip is refused by name`(_ method: Int) throws {
    let folder = try TemporaryFolder()
    let code = """
      import io, sys, zipfile, numpy as np
      file = io.BytesIO()
      with zipfile.ZipFile(file, "w", int(sys.argv[2])) as archive:
          member = io.BytesIO()
          np.save(member, np.arange(5, dtype=np.float32))
          archive.writestr("a.npy", member.getvalue())
      data = bytearray(file.getvalue())
      data[6] |= 1
      data[data.index(b"PK\\x01\\x02") + 8] |= 1
      open(sys.argv[1], "wb").write(data)
      """
    _ = try PythonPeer.run(code: code, [folder.file("a.npz"), "\(method)"])
    expectUnsupported(folder.file("a.npz"))
  }
}
