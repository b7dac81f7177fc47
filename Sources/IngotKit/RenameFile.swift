// SPDX-License-Identifier: Apache-2.0
// Rules of renaming in a file, a line each.
import IngotBytes
import IngotCore
import IngotModels
import IngotOutput

extension TensorRename {
  /// Reads rules from a file.
  ///
  /// - Parameters:
  ///   - path: a text with a rule `OLD=NEW` a line; empty lines, and those that begin with `#`, are none.
  ///   - work: how it is read.
  /// - Returns: the rules, in order.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a line that is no rule, and read errors.
  public static func rules(
    at path: String, work: WorkOptions = WorkOptions()
  ) throws(IngotError) -> [TensorRename] {
    let bytes = try Companions.text(path, system: work.system)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .unsuitable(Location(path), why: "is not text in UTF-8", hint: nil)
    }
    var rules: [TensorRename] = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    where !line.allSatisfy(\.isWhitespace) && !line.hasPrefix("#") {
      do throws(IngotError) {
        rules.append(try TensorRename(String(line)))
      } catch {
        guard case .invalidRequest(_, let why) = error else { throw error }
        throw .unsuitable(Location(path, line: index + 1), why: why, hint: nil)
      }
    }
    guard !rules.isEmpty else {
      throw .unsuitable(Location(path), why: "holds no rule of the form OLD=NEW", hint: nil)
    }
    return rules
  }
}
