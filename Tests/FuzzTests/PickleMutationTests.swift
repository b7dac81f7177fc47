// SPDX-License-Identifier: Apache-2.0
// Broken pickles. In archives a checksum finds most damage before the pickle is run; a stream has none, and neither has
// who makes a pickle on purpose.
import IngotBytes
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct PickleMutationTests {
  private static let fileCount = 10_000

  private static let seeds: [(name: String, bytes: [UInt8])] =
    ["golden/pytorch", "malformed/pickle", "malformed/pytorch"].flatMap { folder in
      Fixture.names(in: folder).compactMap { name in
        let isStream = name.hasPrefix("stream") || name.hasPrefix("PK") || name.contains("stream")
        guard isStream, let bytes = try? Fixture.bytes("\(folder)/\(name)") else { return nil }
        return (name, bytes)
      }
    }

  @Test func `ten thousand broken streams are read or refused`() throws {
    #expect(Self.seeds.count > 50)
    var mutator = Mutator(seed: 11, seeds: Self.seeds)
    var rules: [String: Int] = [:]
    for _ in 0..<Self.fileCount {
      let file = mutator.next()
      let source = MemoryByteSource(file.bytes, path: "mutated.pt")
      do throws(IngotError) {
        let checkpoint = try PyTorchFormat().read(source, options: ReadOptions())
        for tensor in checkpoint.tensors {
          for segment in tensor.storage.segments.all {
            #expect(segment.offset >= 0 && segment.offset + segment.byteCount <= file.bytes.count)
          }
        }
        var scanner = ContentScanner(CheckpointOpener())
        try scanner.scan(source)
        rules["accepted", default: 0] += 1
      } catch {
        switch error {
        case .malformed(let rule, _, _, _): rules[rule.id, default: 0] += 1
        case .unsupported, .limitExceeded: rules["refused", default: 0] += 1
        default: Issue.record("\(error): \(file.bytes)")
        }
      }
    }
    // Most rules must be met on the way, or the mutations are too tame.
    #expect(rules.count > 15, "\(rules)")
  }
}
