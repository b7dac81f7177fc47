// SPDX-License-Identifier: Apache-2.0
// Changes to a file's metadata that leave its tensors where they are: a new header for the same data.
import IngotBytes
import IngotCore

/// What is to become of a file's metadata.
public struct MetadataChange: Sendable {
  /// Keys with their new values, as written on a command line.
  public var values: [(key: String, text: String)]
  /// Patterns of keys to be removed; what is set stays.
  public var removals: [Glob]

  /// Makes a change.
  public init(values: [(key: String, text: String)] = [], removals: [Glob] = []) {
    self.values = values
    self.removals = removals
  }

  /// The metadata with the change made.
  ///
  /// - Parameters:
  ///   - metadata: what the file holds.
  ///   - interpret: makes a value of a text, given the value that the key has; formats differ in the types they know.
  /// - Returns: the new metadata; keys keep their places, new ones stand last.
  /// - Throws: what `interpret` throws.
  package func applied(
    to metadata: Metadata,
    interpret: (_ key: String, _ text: String, _ old: MetadataValue?) throws(IngotError) -> MetadataValue
  ) throws(IngotError) -> Metadata {
    var changed = Metadata(metadata.entries.filter { entry in !removals.contains { $0.matches(entry.key) } })
    for (key, text) in values { changed[key] = try interpret(key, text, metadata[key]) }
    return changed
  }
}

/// A new header for a file, where the bytes start that stay as they are, and what ends them.
package struct EditedHeader: Sendable {
  /// The new bytes in front of the data.
  package var bytes: [UInt8]
  /// Where the data starts in the file as it is; everything from there on is kept.
  package var dataOffset: Int
  /// The metadata before and after.
  package var metadata: (old: Metadata, new: Metadata)
  /// What takes the place of as many bytes at the file's end.
  package var ending: [UInt8]

  /// Makes a header.
  package init(
    bytes: [UInt8], dataOffset: Int, metadata: (old: Metadata, new: Metadata), ending: [UInt8] = []
  ) {
    self.bytes = bytes
    self.dataOffset = dataOffset
    self.metadata = metadata
    self.ending = ending
  }
}

/// A format whose tensors' offsets do not depend on its metadata.
package protocol MetadataEditor: Sendable {
  /// Makes the new header of a file.
  ///
  /// - Parameters:
  ///   - source: the file as it is; it is checked like any other.
  ///   - change: what is to become of its metadata.
  /// - Returns: the header; as long as the old one where the format allows that.
  /// - Throws: the reader's errors, and ``IngotCore/IngotError/invalidRequest(option:why:)`` for a value that the format
  ///   can't hold.
  func header(of source: any ByteSource, changed change: MetadataChange) throws(IngotError) -> EditedHeader
}
