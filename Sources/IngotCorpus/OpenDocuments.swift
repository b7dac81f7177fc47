// SPDX-License-Identifier: Apache-2.0
// An input that is being read, and cut into documents: at line ends, at a separator, or not at all.
import IngotBytes
import IngotCore

/// An input that is being read.
struct OpenDocuments {
  /// What is read.
  enum Input {
    case file(FileByteSource)
    case stream(StandardInput)
  }

  private let input: Input
  private let source: DocumentSource
  /// What ends a document; empty where the input is one.
  private let separator: [UInt8]
  /// Whether there is no more to read: a terminal's end is asked for once.
  private let hasEnded: Bool
  /// Bytes of a file that were read.
  private var offset = 0
  /// Lines, or pieces, that ended so far.
  private var number = 0
  /// How far behind the document's start no separator begins.
  private var searched = 0

  /// Describes an input.
  ///
  /// - Parameters:
  ///   - input: what is read.
  ///   - source: what it is called, and how it holds documents.
  ///   - separator: what stands between the documents of a text.
  ///   - hasEnded: whether all of it was read.
  init(_ input: Input, _ source: DocumentSource, _ separator: [UInt8], hasEnded: Bool = false) {
    (self.input, self.source, self.hasEnded) = (input, source, hasEnded)
    self.separator = source.form == .text ? separator : [UInt8(ascii: "\n")]
  }

  /// The place of the document that is being read.
  private var place: Location { source.location(number + 1) }

  /// The length of a file that is one document; else 0.
  private var knownByteCount: Int {
    guard case .file(let file) = input, separator.isEmpty else { return 0 }
    return file.byteCount
  }

  /// Reads some bytes.
  ///
  /// - Parameters:
  ///   - count: how many at most.
  ///   - bytes: where they are appended.
  /// - Returns: whether these were the last.
  /// - Throws: read errors, and for one document that is longer than any may be.
  mutating func read(_ count: Int, into bytes: inout [UInt8]) throws(IngotError) -> Bool {
    guard !hasEnded else { return true }
    switch input {
    case .file(let file):
      try requireRoom(0)
      let count = min(count, file.byteCount - offset)
      let start = offset
      offset += try bytes.appendBytes(count) { (room) throws(IngotError) in
        try file.read(into: room, at: start)
        return count
      }
      return offset == file.byteCount
    case .stream(let stream):
      return try bytes.appendBytes(count) { (room) throws(IngotError) in try stream.read(into: room) } < count
    }
  }

  /// Cuts what was read into documents.
  ///
  /// - Parameters:
  ///   - batch: the bytes; gets the documents.
  ///   - start: where the document begins that is being read.
  ///   - isAtEnd: whether the input has ended.
  /// - Returns: where the next document begins.
  /// - Throws: ``IngotError/limitExceeded(_:at:asked:)`` for one that is longer than any may be.
  mutating func cut(
    _ batch: inout DocumentBatch, from start: Int, isAtEnd: Bool
  ) throws(IngotError) -> Int {
    var start = start
    while let end = batch.bytes.firstRange(of: separator, from: start + searched) {
      try add(start..<end, to: &batch)
      start = end + separator.count
      searched = 0
    }
    guard isAtEnd else {
      try requireRoom(batch.bytes.count - start)
      searched = max(0, batch.bytes.count - start - max(0, separator.count - 1))
      return start
    }
    // Behind a last separator there is nothing; a file that is one document may be empty.
    if start < batch.bytes.count || separator.isEmpty {
      try add(start..<batch.bytes.count, to: &batch)
    }
    return batch.bytes.count
  }

  /// Throws for so many bytes of the document that is being read.
  private func requireRoom(_ byteCount: Int) throws(IngotError) {
    let asked = max(byteCount, knownByteCount)
    guard asked <= Limit.corpusDocumentBytes.value else {
      throw .limitExceeded(.corpusDocumentBytes, at: place, asked: UInt64(asked))
    }
  }

  /// Adds a document; what is white space between separators is none.
  private mutating func add(_ range: Range<Int>, to batch: inout DocumentBatch) throws(IngotError) {
    try requireRoom(range.count)
    number += 1
    guard separator.isEmpty || !batch.bytes[range].allSatisfy(isSpace) else { return }
    batch.documents.append(RawDocument(source: source, number: number, range: range))
  }
}

extension [UInt8] {
  /// Where a text begins next; nowhere when it is empty.
  ///
  /// - Complexity: O(n · m) for n bytes and m of the text.
  fileprivate func firstRange(of text: [UInt8], from start: Int) -> Int? {
    guard let first = text.first, start < count else { return nil }
    return withUnsafeBytes { bytes in
      var place = start
      while let found = bytes.firstIndex(of: first, from: place) {
        if bytes[found...].starts(with: text) { return found }
        place = found + 1
      }
      return nil
    }
  }
}
