// SPDX-License-Identifier: Apache-2.0
// The tail of an `.ingot` file: the digest of every run, and where the tensors come from. Parsing does no input or
// output. Page: formats/ingot.md, "Tail".
import IngotBytes
import IngotCore

/// Where the tensors of a file come from.
package struct IngotFileProvenance: Hashable, Sendable {
  /// A file that tensors were read from.
  package struct SourceFile: Hashable, Sendable {
    /// Its name, without folders.
    package var name: String
    /// Its length.
    package var byteCount: Int

    /// Makes a record of a file.
    package init(name: String, byteCount: Int) {
      self.name = name
      self.byteCount = byteCount
    }
  }

  /// What became of one tensor on its way.
  package struct Origin: Hashable, Sendable {
    /// What was done to it, in order; empty for an exact copy.
    package var transforms: [String]
    /// The digest of the source's elements for each part; `nil` where it is not known.
    package var sourceDigests: [XXH3Digest?]

    /// Makes a record of a tensor's way.
    package init(transforms: [String], sourceDigests: [XXH3Digest?]) {
      self.transforms = transforms
      self.sourceDigests = sourceDigests
    }
  }

  /// The id of the source's format; empty when it is not known.
  package var sourceFormat: String
  /// The files, in order.
  package var files: [SourceFile]
  /// For each tensor that is no alias, in order.
  package var origins: [Origin]
  /// What else a writer recorded.
  package var notes: Metadata

  /// The note that says what the names of the source's weight files begin with.
  static let stemKey = "stem"

  /// What the names of the source's weight files begin with; `nil` where nothing is noted that a name can begin with.
  var stem: String? {
    notes.string(Self.stemKey).flatMap { $0.utf8.count <= 200 && FilePath.isPlainName($0) ? $0 : nil }
  }

  /// Makes a provenance.
  package init(
    sourceFormat: String, files: [SourceFile], origins: [Origin] = [], notes: Metadata = Metadata()
  ) {
    self.sourceFormat = sourceFormat
    self.files = files
    self.origins = origins
    self.notes = notes
  }
}

/// A tail whose every rule holds.
package struct IngotFileTail: Hashable, Sendable {
  /// The digest of each part, then of each section, in the order of the data.
  package var digests: [XXH3Digest]
  /// SHA-256 of each, 32 bytes; empty when the file has none.
  package var sha256: [[UInt8]]
  /// Where the tensors come from.
  package var provenance: IngotFileProvenance

  /// Parses a tail: IN-31, and in its fields IN-09, IN-10 and IN-20 to IN-22.
  ///
  /// - Parameters:
  ///   - bytes: the tail.
  ///   - start: where it stands in the file.
  ///   - partCounts: the number of parts of each stored tensor.
  ///   - sectionCount: the number of sections.
  ///   - keepsDetails: whether to keep SHA-256 digests and origins, or only check them.
  ///   - path: the file, for messages.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first of these rules broken.
  init(
    _ bytes: [UInt8], at start: Int, partCounts: [Int], sectionCount: Int, keepsDetails: Bool, path: String
  ) throws(IngotError) {
    var decoder = IngotFileDecoder(bytes, at: start, path: path, shortRule: .tail)
    let code = try decoder.number(UInt8.self)
    guard let kinds = IngotFileCode.Digests(rawValue: code) else {
      throw decoder.malformed(.code, at: start, found: "digest kinds \(code)", expected: "1 or 3")
    }
    let shaByteCount = kinds == .xxh3 ? 0 : 32
    let count = try decoder.count(itemByteCount: IngotFileLayout.digestByteCount + shaByteCount)
    let runCount = partCounts.reduce(sectionCount, +)
    guard count == runCount else {
      throw decoder.malformed(.tail, at: start + 1, found: "\(count, "digest")", expected: "\(runCount)")
    }
    digests = []
    digests.reserveCapacity(count)
    sha256 = []
    for _ in 0..<count {
      digests.append(try decoder.digest())
      let sha = try decoder.bytes(shaByteCount)
      if keepsDetails, !sha.isEmpty { sha256.append(Array(sha)) }
    }
    provenance = try Self.provenance(&decoder, partCounts: partCounts, keepsOrigins: keepsDetails)
    guard decoder.remainingCount == 0 else {
      throw decoder.malformed(
        .tail, at: decoder.offset, found: "\(decoder.remainingCount, "byte") behind the notes", expected: "0")
    }
  }

  private static func provenance(
    _ decoder: inout IngotFileDecoder, partCounts: [Int], keepsOrigins: Bool
  ) throws(IngotError) -> IngotFileProvenance {
    var provenance = IngotFileProvenance(sourceFormat: try decoder.text(), files: [])
    for _ in 0..<(try decoder.count(itemByteCount: 12)) {
      let name = try decoder.text()
      // A length beyond Int's range is nobody's to act on.
      let byteCount = Int(clamping: try decoder.number(UInt64.self))
      provenance.files.append(IngotFileProvenance.SourceFile(name: name, byteCount: byteCount))
    }
    let start = decoder.offset
    let count = try decoder.count(itemByteCount: 5)
    guard count == partCounts.count else {
      throw decoder.malformed(.tail, at: start, found: "\(count, "origin")", expected: "\(partCounts.count)")
    }
    for partCount in partCounts {
      let origin = try origin(&decoder, partCount: partCount)
      if keepsOrigins { provenance.origins.append(origin) }
    }
    provenance.notes = try decoder.metadata()
    return provenance
  }

  private static func origin(
    _ decoder: inout IngotFileDecoder, partCount: Int
  ) throws(IngotError) -> IngotFileProvenance.Origin {
    var origin = IngotFileProvenance.Origin(transforms: [], sourceDigests: [])
    for _ in 0..<(try decoder.count(itemByteCount: 4)) { origin.transforms.append(try decoder.text()) }
    for _ in 0..<partCount {
      origin.sourceDigests.append(try decoder.truth() ? try decoder.digest() : nil)
    }
    return origin
  }
}
