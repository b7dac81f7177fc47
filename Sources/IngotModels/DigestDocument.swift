// SPDX-License-Identifier: Apache-2.0
// Digests of checkpoints and their tensors as `hash` prints them in JSON, read back. Page: formats/manifest.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// The digests of one checkpoint, as a document has them.
package struct DigestDocument: Sendable {
  /// The checkpoint's path.
  package let path: String
  /// Its digest.
  package let digest: String
  /// The names of its tensors, each with its digest.
  package let tensors: [(name: String, digest: String)]

  /// Reads a document.
  ///
  /// - Parameters:
  ///   - bytes: the document.
  ///   - rule: what a document breaks that is none.
  ///   - path: the file, for messages.
  /// - Returns: the checkpoints that it lists.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` for what is no such document.
  package static func all(in bytes: [UInt8], rule: Rule, path: String) throws(IngotError) -> [DigestDocument]
  {
    let document: Metadata
    do throws(JSONFailure) { document = try JSONDocument.object(bytes) } catch {
      throw IngotError(error, rule: rule, at: Location(path))
    }
    // Of a single one the keys stand at the top, as they did before there was a list.
    var objects = [document]
    if let listed = document["checkpoints"] {
      objects = try list(listed, "checkpoints", rule, path)
    }
    return try objects.map { (object) throws(IngotError) in
      var tensors: [(name: String, digest: String)] = []
      for tensor in try list(object["tensors"] ?? .array([]), "tensors", rule, path) {
        tensors.append(
          (
            try text("name", of: tensor, rule, path), try digest("sha256", of: tensor, rule, path)
          ))
      }
      return DigestDocument(
        path: try filePath(of: object, rule, path), digest: try digest("model", of: object, rule, path),
        tensors: tensors)
    }
  }

  /// The entries that say a checkpoint's path: bytes that are no UTF-8 are shown in one, and stand in another.
  ///
  /// - Parameter path: the path.
  /// - Returns: the keys and their values.
  package static func entries(ofPath path: String) -> [(String, MetadataValue)] {
    let shown = [("path", MetadataValue.string(path))]
    guard PathText.shown(path) != path else { return shown }
    return shown + [("path_hex", .string(hexadecimal(PathText.bytes(of: path))))]
  }

  private static func filePath(
    of object: Metadata, _ rule: Rule, _ path: String
  ) throws(IngotError) -> String {
    let shown = try text("path", of: object, rule, path)
    guard object["path_hex"] != nil else { return shown }
    let digits = Array(try text("path_hex", of: object, rule, path).utf8)
    let bytes = stride(from: 0, to: digits.count, by: 2).compactMap { start in
      UInt8(String(decoding: digits[start...].prefix(2), as: UTF8.self), radix: 16)
    }
    guard !bytes.isEmpty, !bytes.contains(0), hexadecimal(bytes).utf8.elementsEqual(digits) else {
      throw broken("path_hex", "a path's bytes in lower case hexadecimal digits", rule, path)
    }
    return PathText.text(bytes)
  }

  private static func list(
    _ value: MetadataValue, _ key: String, _ rule: Rule, _ path: String
  ) throws(IngotError) -> [Metadata] {
    var objects: [Metadata] = []
    guard case .array(let values) = value else { throw broken(key, "a list of objects", rule, path) }
    for value in values {
      guard case .object(let object) = value else { throw broken(key, "a list of objects", rule, path) }
      objects.append(object)
    }
    return objects
  }

  private static func text(
    _ key: String, of object: Metadata, _ rule: Rule, _ path: String
  ) throws(IngotError) -> String {
    guard let text = object.string(key) else { throw broken(key, "a text", rule, path) }
    return text
  }

  private static func digest(
    _ key: String, of object: Metadata, _ rule: Rule, _ path: String
  ) throws(IngotError) -> String {
    let digest = try text(key, of: object, rule, path)
    guard digest.utf8.count == 64, digest.unicodeScalars.allSatisfy({ $0.properties.isASCIIHexDigit }) else {
      throw broken(key, "64 hexadecimal digits", rule, path)
    }
    return digest.lowercased()
  }

  private static func broken(
    _ key: String, _ expected: Evidence, _ rule: Rule, _ path: String
  ) -> IngotError {
    .malformed(rule, at: Location(path, key: key), found: "none", expected: expected)
  }
}
