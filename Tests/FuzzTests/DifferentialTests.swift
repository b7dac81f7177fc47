// SPDX-License-Identifier: Apache-2.0
// Two thousand broken safetensors files, judged by our reader and by the reference's.
import Foundation
import IngotBytes
import IngotFormats
import IngotKit
import IngotTestSupport
import Testing

@Suite struct DifferentialTests {
  private static let fileCount = 2_000

  /// Rules by which we refuse what the reference's code lets pass; the page says why, under "Errata".
  private static let stricterRules: Set<String> = [
    SafetensorsRule.uniqueKeys, .metadata, .entry, .depth,
  ].reduce(into: []) { $0.insert($1.rawValue) }

  @Test func `what the reference refuses we refuse, and we refuse no more than the page says`() throws {
    let files = try Self.mutatedFiles()
    let verdicts = try Self.referenceVerdicts(files)
    try #require(verdicts.count == files.count)
    var counts = (bothAccept: 0, bothRefuse: 0, onlyWeRefuse: 0)
    for (file, verdict) in zip(files, verdicts) {
      switch (Self.brokenRule(file), verdict.hasPrefix("ok ")) {
      case (nil, true): counts.bothAccept += 1
      case (_?, false): counts.bothRefuse += 1
      case (nil, false): Issue.record("we accept what the reference refuses (\(verdict)): \(Self.text(file))")
      case (let rule?, true):
        counts.onlyWeRefuse += 1
        #expect(Self.stricterRules.contains(rule), "\(rule): \(Self.text(file))")
      }
    }
    #expect(counts.bothAccept > 20 && counts.bothRefuse > 500, "\(counts)")
  }

  /// Mutations of the headers of all golden files.
  private static func mutatedFiles() throws -> [[UInt8]] {
    let seeds = try Fixture.names(in: "golden/safetensors").filter { $0.hasSuffix(".safetensors") }.map {
      (name: $0, bytes: try Fixture.bytes("golden/safetensors/" + $0))
    }
    var mutator = Mutator(seed: 5, seeds: seeds)
    return (0..<fileCount).map { _ in mutator.next().bytes }
  }

  /// The rule that our reader finds broken; `nil` when it accepts the file.
  private static func brokenRule(_ bytes: [UInt8]) -> String? {
    do throws(IngotError) {
      _ = try SafetensorsFormat().read(MemoryByteSource(bytes, path: "mutated"), options: ReadOptions())
      return nil
    } catch {
      if case .malformed(let rule, _, _, _) = error { return rule.id }
      return "\(error)"
    }
  }

  private static func referenceVerdicts(_ files: [[UInt8]]) throws -> [Substring] {
    var input: [UInt8] = []
    for file in files {
      withUnsafeBytes(of: UInt32(file.count).littleEndian) { input += $0 }
      input += file
    }
    let result = try PythonPeer.run("fixtures/peers/safetensors_judge.py", input: input)
    return result.standardOutput.split(separator: "\n")
  }

  private static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.prefix(600), as: UTF8.self).debugDescription
  }
}
