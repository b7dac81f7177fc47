// SPDX-License-Identifier: Apache-2.0
// Opens and reads the files whose paths come on standard input, one a line, and says of each how that went. A file that
// makes it die is the last one that it named; MutationTests starts it again behind that.
import IngotBytes
import IngotKit

@main
enum MutationReader {
  static func main() {
    let hasPlantedBug = Process.environment("INGOT_PLANTED_BUG") != nil
    while let path = readLine() {
      say("reading \(path)")
      if hasPlantedBug { trapOnPlantedBytes(path) }
      say(verdict(path))
    }
  }

  /// Reads headers, then every tensor, so that layouts, codecs and checksums are reached too; what is sound gets a new
  /// head, where its format has one.
  private static func verdict(_ path: String) -> String {
    do throws(IngotError) {
      _ = try Ingot.hash(path)
      try planEdit(path)
      return "ok"
    } catch {
      switch error {
      case .malformed(let rule, _, _, _): return "malformed \(rule.id)"
      case .unsupported: return "unsupported"
      case .limitExceeded(let limit, _, _): return "limit \(limit.rawValue)"
      case .missing, .unsuitable: return "unsuitable"
      default: return "UNEXPECTED \(error)"
      }
    }
  }

  /// Plans a change of metadata, which writes nothing.
  private static func planEdit(_ path: String) throws(IngotError) {
    var options = EditOptions()
    options.isPlan = true
    options.change.values = [("key", "[1,2]")]
    do throws(IngotError) {
      _ = try Ingot.edit(path, options: options)
    } catch {
      switch error {
      case .unsuitable, .unsupported, .limitExceeded: return
      default: throw error
      }
    }
  }

  /// The bug that proves that a death is noticed: a trap on files whose length is a multiple of 251.
  private static func trapOnPlantedBytes(_ path: String) {
    let byteCount = (try? FileByteSource(path: path).byteCount) ?? 1
    precondition(byteCount % 251 != 0, "planted")
  }

  private static func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { try? LiveSystem().write(1, from: $0) }
  }
}
