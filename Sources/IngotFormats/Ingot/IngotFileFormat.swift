// SPDX-License-Identifier: Apache-2.0
// Reads an `.ingot` file: header, index, footer and tail; the data stays where it is, but for the few bytes between
// its runs. Page: formats/ingot.md.
import IngotBytes
import IngotCore

/// The Ingot format.
package struct IngotFileFormat: CheckpointFormat {
  /// Makes the format.
  package init() {}

  /// The id in reports and options.
  package let id = "ingot"
  /// The name for people.
  package let title = "Ingot"
  /// The extension that chooses this format for an output.
  package let fileExtensions = ["ingot"]
  /// The page that specifies it.
  package let page = "ingot.md"
  /// Plans files of this format.
  package var writer: (any CheckpointWriter)? { IngotFileWriter() }
  /// Changes their metadata.
  package var metadataEditor: (any MetadataEditor)? { IngotFileEditor() }

  /// The magic, or what a transfer as text made of it: reading says so.
  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool {
    guard let first = firstBytes.first, first == 0x89 || first == 0x09 else { return false }
    return firstBytes.dropFirst().starts(with: IngotFileLayout.magic[1..<4])
  }

  /// Reads and checks everything but the tensors' bytes.
  ///
  /// - Parameters:
  ///   - source: the file.
  ///   - options: nothing that concerns this format.
  /// - Returns: the checkpoint, each part with the digest that the tail has for it.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with the first rule broken of IN-01 to IN-32.
  /// - Complexity: reads header, index, tail and footer, and at most a page at each gap between tensors; allocates the
  ///   index, then the tail.
  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    let (header, footer, index, tail) = try Self.open(source, keepsDetails: false)
    var checkpoint = Checkpoint(
      format: id, files: [CheckpointFile(path: source.path, byteCount: source.byteCount)],
      tensors: index.tensors, metadata: index.metadata, companions: index.companions,
      findings: index.findings,
      indexByteCount: header.indexEnd + footer.tailByteCount + IngotFileLayout.endByteCount)
    (checkpoint.stem, checkpoint.isStemInside) = (tail.provenance.stem, tail.provenance.stem != nil)
    return checkpoint
  }

  /// Reads and checks header, footer and index, and all else but the tensors' bytes.
  static func parts(
    of source: any ByteSource
  ) throws(IngotError) -> (IngotFileHeader, IngotFileFooter, IngotFileIndex) {
    let (header, footer, index, _) = try open(source, keepsDetails: false)
    return (header, footer, index)
  }

  /// Reads the digests of a file's runs and where its tensors come from.
  ///
  /// - Parameter source: the file.
  /// - Returns: its tail, with provenance and, when the file has them, SHA-256 digests.
  /// - Throws: as ``read(_:options:)``.
  package static func tail(of source: any ByteSource) throws(IngotError) -> IngotFileTail {
    try open(source, keepsDetails: true).tail
  }

  /// Reads and checks all but the parts' bytes: IN-01 to IN-32, in the order of the page.
  private static func open(
    _ source: any ByteSource, keepsDetails: Bool
  ) throws(IngotError) -> (
    header: IngotFileHeader, footer: IngotFileFooter, index: IngotFileIndex, tail: IngotFileTail
  ) {
    let header = try IngotFileHeader(source)
    var index = try readIndex(source, header)
    try checkLength(source, header, index)
    let footer = try IngotFileFooter(source, header: header)
    let tail = try readTail(source, footer, index, keepsDetails: keepsDetails)
    var padding = IngotFilePadding(source)
    try padding.check(header, index)
    index.attach(tail.digests)
    return (header, footer, index, tail)
  }

  private static func readIndex(
    _ source: any ByteSource, _ header: IngotFileHeader
  ) throws(IngotError) -> IngotFileIndex {
    let bytes = try source.bytes(at: IngotFileLayout.endByteCount, count: header.indexByteCount)
    guard XXH3.digest(of: bytes) == header.indexDigest else {
      throw .malformed(
        IngotFileRule.indexDigest.rule, at: Location(source.path, offset: IngotFileLayout.endByteCount),
        found: "an index with another XXH3", expected: "the one in the header")
    }
    return try IngotFileIndex(bytes, header: header, path: source.path)
  }

  /// Names the tensor at which a file ends too early: IN-27.
  private static func checkLength(
    _ source: any ByteSource, _ header: IngotFileHeader, _ index: IngotFileIndex
  ) throws(IngotError) {
    guard header.tailOffset > source.byteCount - IngotFileLayout.endByteCount else { return }
    var cut: String?
    try index.forEachRun { (tensor, range) throws(IngotError) in
      if cut == nil, range.upperBound > source.byteCount { cut = tensor }
    }
    throw .malformed(
      IngotFileRule.truncated.rule, at: Location(source.path, offset: source.byteCount, tensor: cut),
      found: "the end of a file that is cut off",
      expected: "data up to byte \(header.tailOffset), then a tail")
  }

  private static func readTail(
    _ source: any ByteSource, _ footer: IngotFileFooter, _ index: IngotFileIndex, keepsDetails: Bool
  ) throws(IngotError) -> IngotFileTail {
    let bytes = try source.bytes(at: footer.tailOffset, count: footer.tailByteCount)
    guard XXH3.digest(of: bytes) == footer.tailDigest else {
      throw .malformed(
        IngotFileRule.tailDigest.rule, at: Location(source.path, offset: footer.tailOffset),
        found: "a tail with another XXH3", expected: "the one in the footer")
    }
    return try IngotFileTail(
      bytes, at: footer.tailOffset, partCounts: index.partCounts, sectionCount: index.sections.count,
      keepsDetails: keepsDetails, path: source.path)
  }
}

/// Reads the bytes between runs, which must be zero: IN-32.
private struct IngotFilePadding {
  /// Bytes read at a time: a page, which costs what one byte does, and holds the next gaps of small tensors.
  private static let windowByteCount = 4096

  private let source: any ByteSource
  private var window: [UInt8] = []
  private var windowStart = 0

  init(_ source: any ByteSource) {
    self.source = source
  }

  /// Checks all gaps of a file whose runs lie inside it.
  mutating func check(_ header: IngotFileHeader, _ index: IngotFileIndex) throws(IngotError) {
    try check(behind: header.indexEnd, tensor: nil)
    try index.forEachRun { (tensor, range) throws(IngotError) in
      try check(behind: range.upperBound, tensor: tensor)
    }
  }

  private mutating func check(behind end: Int, tensor: String?) throws(IngotError) {
    let gap = end..<IngotFilePlacement.alignUp(end)
    guard !gap.isEmpty else { return }
    if gap.lowerBound < windowStart || gap.upperBound > windowStart + window.count {
      windowStart = gap.lowerBound
      window = try source.bytes(
        at: windowStart, count: min(Self.windowByteCount, source.byteCount - windowStart))
    }
    let bytes = window.dropFirst(gap.lowerBound - windowStart).prefix(gap.count)
    for (position, byte) in bytes.enumerated() where byte != 0 {
      throw .malformed(
        IngotFileRule.padding.rule, at: Location(source.path, offset: end + position, tensor: tensor),
        found: "a byte \(byte) between two runs", expected: "0")
    }
  }
}
