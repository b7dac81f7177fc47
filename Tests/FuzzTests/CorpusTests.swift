// SPDX-License-Identifier: Apache-2.0
// Replays what the fuzzer kept, one archive a door: inputs that between them reach all that it has reached, and those
// that once led to a fault. Fuzz/README.md says how they come about.
import FuzzDoors
import IngotBytes
import IngotEncodings
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct CorpusTests {
  @Test(arguments: FuzzDoor.all.map(\.name))
  func `what the fuzzer kept is read or refused`(_ name: String) throws {
    let door = try #require(FuzzDoor.named(name))
    let inputs = try Self.inputs("seeds/\(name).zip")
    var accepted = 0
    for input in inputs {
      switch door.open(input.bytes) {
      case .accepted: accepted += 1
      case .refused: break
      case .fault(let words): Issue.record("\(input.name): \(words)")
      }
    }
    // Both ways must be well trodden, or the door leads nowhere.
    #expect(accepted > 0 && accepted < inputs.count, "\(accepted) of \(inputs.count) were read")
  }

  /// A mender that spoils what is sound would lead a fuzzer nowhere.
  @Test func `menders leave sound files as they are`() throws {
    let menders: [(folder: String, suffix: String, mend: ([UInt8]) -> [UInt8])] = [
      ("golden/tensorflow", ".index", TableMender.mend), ("golden/ingot", ".ingot", IngotMender.mend),
    ]
    for mender in menders {
      for name in Fixture.names(in: mender.folder) where name.hasSuffix(mender.suffix) {
        let bytes = try Fixture.bytes("\(mender.folder)/\(name)")
        #expect(mender.mend(bytes) == bytes, "\(name)")
      }
    }
  }

  @Test func `each corpus has a door`() {
    let names = Fixture.names(in: "seeds").map { $0.replacing(".zip", with: "") }
    #expect(Set(names) == Set(FuzzDoor.all.map(\.name)))
  }

  /// The members of an archive.
  private static func inputs(_ path: String) throws -> [(name: String, bytes: [UInt8])] {
    let source = MemoryByteSource(try Fixture.bytes(path), path: path)
    return try ZipDirectory(source).entries.map { entry in
      (entry.name, try ZipMemberReader(entry, source: source).bytes(entry.byteCount))
    }
  }
}
