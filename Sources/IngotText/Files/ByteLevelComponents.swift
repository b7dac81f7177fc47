// SPDX-License-Identifier: Apache-2.0
// Whether components of tokenizer.json make a tokenizer's tokens stand for bytes.
import IngotCore

/// Looks through components of tokenizer.json.
enum ByteLevelComponents {
  /// Whether tokens stand for bytes: `ByteLevel` is among the components.
  ///
  /// - Parameters:
  ///   - value: a component.
  ///   - depth: how many sequences it is in; readers of components refuse many.
  /// - Returns: whether they do.
  static func makesBytes(_ value: MetadataValue, depth: Int = 0) -> Bool {
    guard case .object(let object) = value, depth < 16 else { return false }
    if object.string("type") == "ByteLevel" { return true }
    guard case .array(let parts)? = object["pretokenizers"] ?? object["normalizers"] else { return false }
    return parts.contains { makesBytes($0, depth: depth + 1) }
  }
}
