// SPDX-License-Identifier: Apache-2.0
// Twenty thousand broken files are opened and read in another process; none may make it trap, hang, or take memory out
// of proportion. A few hundred go through the program itself.
import Foundation
import FuzzDoors
import IngotTestSupport
import Testing

@Suite(.serialized) struct MutationTests {
  private static let fileCount = 20_000
  private static let batchFileCount = 1_000
  private static let fileExtensions: Set<Substring> = [
    "safetensors", "npy", "npz", "ingot", "gguf", "bin", "pt", "pth", "index", "tar", "gz", "zip", "7z",
  ]

  /// Every malformed file of a weight format, and every golden one five times: what is broken already teaches less.
  private static let seeds: [(name: String, bytes: [UInt8])] = {
    let folders = ["golden", "golden", "golden", "golden", "golden", "malformed", "unsupported"].flatMap {
      parent in
      Fixture.names(in: parent).map { "\(parent)/\($0)" }
    }
    return folders.flatMap { folder in
      Fixture.names(in: folder).compactMap { name in
        guard let last = name.split(separator: ".").last, Self.fileExtensions.contains(last) else {
          return nil
        }
        return (try? Fixture.bytes("\(folder)/\(name)")).map { ("\(folder)/\(name)", $0) }
      }
    }
  }()

  /// What reading a batch of files came to.
  private struct Outcome {
    /// Files that ended the process, or that it could not judge.
    var failures: [String] = []
    /// Verdicts by their first word.
    var verdicts: [String: Int] = [:]
    var peakResidentBytes = 0
  }

  /// Reads files in the other process, starting it again behind each that ends it.
  private func read(_ paths: [String], environment: [String: String] = [:]) throws -> Outcome {
    var outcome = Outcome()
    var rest = paths[...]
    repeat {
      var process = ChildProcess(try IngotProgram.path(named: "MutationReader"))
      process.input = Array((rest.joined(separator: "\n") + "\n").utf8)
      process.environment = environment.mapValues { $0 }
      process.environment["SWIFT_BACKTRACE"] = "enable=no"
      process.timeoutSeconds = 60 * Patience.factor
      let result = try process.run()
      outcome.peakResidentBytes = max(outcome.peakResidentBytes, result.peakResidentBytes)
      let lines = result.standardOutput.split(separator: "\n")
      let begun = lines.filter { $0.hasPrefix("reading ") }
      for line in lines where !line.hasPrefix("reading ") {
        outcome.verdicts[String(line.split(separator: " ")[0]), default: 0] += 1
        if line.hasPrefix("UNEXPECTED") { outcome.failures.append(String(line)) }
      }
      if result.exitCode == 0 { break }
      outcome.failures.append("\(begun.last ?? "nothing read"): signal \(result.signal ?? 0)")
      rest = rest.dropFirst(max(1, begun.count))
    } while !rest.isEmpty
    return outcome
  }

  private func write(_ count: Int, by mutator: inout Mutator, to folder: TemporaryFolder) throws -> [String] {
    try (0..<count).map { index in
      let file = mutator.next()
      guard file.fileExtension == "index" else {
        return try folder.write(file.bytes, to: "\(index).\(file.fileExtension)")
      }
      // Data files stand beside an index; checksums that hold let half of the faults through to what they guard.
      for data in Self.dataFiles(ofIndex: file.seed) {
        try folder.copy(Fixture.path(data.path), as: "\(index)\(data.suffix)")
      }
      return try folder.write(
        index % 2 == 0 ? TableMender.mend(file.bytes) : file.bytes, to: "\(index).index")
    }
  }

  /// The data files of a TensorFlow bundle, with what follows the prefix in their names.
  private static func dataFiles(ofIndex path: String) -> [(path: String, suffix: String)] {
    let prefix = path.dropLast(".index".count)
    let folder = path.split(separator: "/").dropLast().joined(separator: "/")
    return Fixture.names(in: folder).map { "\(folder)/\($0)" }
      .filter { $0.hasPrefix(prefix + ".data-") }.map { ($0, String($0.dropFirst(prefix.count))) }
  }

  /// A file of a few kilobytes that deflate may have made of a few megabytes: what reading one can need at the most,
  /// with the program's own memory.
  private static let memoryBound = 128 << 20

  @Test func `twenty thousand broken files are read or refused`() throws {
    var mutator = Mutator(seed: 2026, seeds: Self.seeds)
    var verdicts: [String: Int] = [:]
    for _ in 0..<(Self.fileCount / Self.batchFileCount) {
      let folder = try TemporaryFolder()
      let own = try read([]).peakResidentBytes
      let outcome = try read(write(Self.batchFileCount, by: &mutator, to: folder))
      for failure in outcome.failures { Issue.record("\(try keep(failure))") }
      #expect(outcome.peakResidentBytes - own < Self.memoryBound)
      verdicts.merge(outcome.verdicts) { $0 + $1 }
    }
    #expect(verdicts.values.reduce(0, +) == Self.fileCount)
    // Both ways must be well trodden, or the mutations are too tame or too wild.
    #expect((verdicts["ok"] ?? 0) > Self.fileCount / 100)
    #expect((verdicts["malformed"] ?? 0) > Self.fileCount / 2)
  }

  /// Copies a file that broke something to where it outlives the test.
  private func keep(_ failure: String) throws -> String {
    guard
      let path = failure.split(separator: " ").first(where: { $0.contains("/") })?.split(separator: ":").first
    else { return failure }
    let kept =
      NSTemporaryDirectory() + "/ingot-mutation-" + UUID().uuidString + "-"
      + (path.split(separator: "/").last ?? "")
    try? FileManager.default.copyItem(atPath: String(path), toPath: kept)
    return failure + "; kept as " + kept
  }

  @Test func `a planted bug is found, and the file is named`() throws {
    let folder = try TemporaryFolder()
    var paths = try (1...5).map { try folder.write([UInt8](repeating: 1, count: 100 + $0), to: "\($0).npz") }
    paths.insert(try folder.write([UInt8](repeating: 1, count: 502), to: "planted.npz"), at: 2)
    let outcome = try read(paths, environment: ["INGOT_PLANTED_BUG": "1"])
    #expect(outcome.failures.count == 1)
    #expect(outcome.failures.first?.contains("planted.npz") == true)
    #expect(outcome.verdicts["malformed"] == 5)
  }

  @Test func `the program refuses broken files with one line and 65`() throws {
    var mutator = Mutator(seed: 7, seeds: Self.seeds)
    let folder = try TemporaryFolder()
    for path in try write(300, by: &mutator, to: folder) {
      let result = try IngotProgram.run("inspect", path, "--hash", "--json")
      guard result.exitCode != 0 else { continue }
      #expect(result.exitCode == 65 || result.exitCode == 66, "\(path): \(result.standardError)")
      #expect(result.outputBytes.isEmpty)
      #expect(result.firstErrorLine.hasPrefix(#"{"schema":1,"error":{"code":6"#), "\(result.firstErrorLine)")
      #expect(result.standardError.split(separator: "\n").count == 1)
    }
  }
}
