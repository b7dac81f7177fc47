// SPDX-License-Identifier: Apache-2.0
// `--check` compares what the disk gives back, in formats without checksums too.
import Foundation
import IngotKit
import IngotTestSupport
import Testing

@Suite struct OutputCheckTests {
  /// Turns the last bit of the output when it is about to be read back.
  private final class Damage: ProgressObserver, @unchecked Sendable {
    // SAFETY: the path never changes; `begin` is called from one thread.
    private let folder: String
    init(_ folder: String) { self.folder = folder }

    func begin(_ activity: String, count: Int, unit: ProgressUnit) {
      guard activity == "reading back" else { return }
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      for name in names where name.contains("out.safetensors") {
        var url = URL(fileURLWithPath: folder).appendingPathComponent(name)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue {
          url.appendPathComponent("out.safetensors")
        }
        guard let file = try? FileHandle(forUpdating: url), let end = try? file.seekToEnd(), end > 0 else {
          continue
        }
        try? file.seek(toOffset: end - 1)
        let last = (try? file.read(upToCount: 1))?.first ?? 0
        try? file.seek(toOffset: end - 1)
        try? file.write(contentsOf: [last ^ 1])
      }
    }
    func advance(_ count: Int) {}
    func end() {}
  }

  @Test func `one bit that the disk has changed is found`() throws {
    let folder = try TemporaryFolder()
    var options = ConvertOptions()
    options.check = true
    let conversion = try Conversion(
      Fixture.path("models/base/model.safetensors"), to: folder.file("out.safetensors"), options: options)
    do {
      _ = try conversion.run(progress: Damage(folder.path))
      Issue.record("other bytes than those written were not found")
    } catch {
      guard case .sourceChanged(let path, _, _) = error else { throw error }
      #expect(path == folder.file("out.safetensors"))
    }
  }
}
