// SPDX-License-Identifier: Apache-2.0
// Documents as they come: files and standard input, read once and cut into documents, a few megabytes at a time. Where a
// batch ends depends on the bytes alone.
import IngotBytes
import IngotCore
import IngotEncodings

/// Documents that were read together.
package struct DocumentBatch {
  /// The bytes of all.
  package var bytes: [UInt8] = []
  /// The documents, in order.
  package var documents: [RawDocument] = []
}

/// Reads documents in batches.
package struct DocumentStream {
  /// Bytes after which a batch ends, behind its last whole document.
  static let batchByteCount = 4 << 20
  /// Bytes that are read at a time.
  private static let pieceByteCount = 1 << 18

  private let system: any SystemCalls
  private let form: DocumentForm?
  private let separator: [UInt8]
  private let outputs: [FileStatus]
  private var walk: InputWalk
  private var current: OpenDocuments?
  /// The bytes of a document that the last batch had no end of.
  private var rest: [UInt8] = []

  /// Prepares to read.
  ///
  /// - Parameters:
  ///   - input: what is read.
  ///   - system: the calls to use.
  package init(_ input: CorpusInput, system: any SystemCalls) {
    (self.system, form, separator, outputs) = (system, input.form, Array(input.separator.utf8), input.outputs)
    walk = InputWalk(input.paths, system: system)
  }

  /// What folders hold and was not taken, so far.
  package var passedOver: PassedOver { walk.passedOver }

  /// The next batch; one without documents is the last.
  package mutating func next() throws(IngotError) -> DocumentBatch {
    var batch = DocumentBatch()
    swap(&batch.bytes, &rest)
    batch.bytes.reserveCapacity(Self.batchByteCount + Self.pieceByteCount)
    var cut = 0
    while true {
      if current == nil { current = try open(into: &batch.bytes, at: cut) }
      guard var input = current else { return batch }
      current = nil
      let isAtEnd = try input.read(Self.pieceByteCount, into: &batch.bytes)
      cut = try input.cut(&batch, from: cut, isAtEnd: isAtEnd)
      if !isAtEnd { current = input }
      if batch.bytes.count >= Self.batchByteCount, !batch.documents.isEmpty {
        rest = Array(batch.bytes[cut...])
        return batch
      }
    }
  }

  /// Opens the next file, whose first bytes may be read to tell its form.
  private mutating func open(into bytes: inout [UInt8], at start: Int) throws(IngotError) -> OpenDocuments? {
    guard let path = try walk.next() else { return nil }
    guard path != InputWalk.standardInput else {
      let stream = StandardInput(system: system)
      let count = try bytes.appendBytes(Self.pieceByteCount) { (room) throws(IngotError) in
        try stream.read(into: room)
      }
      let form = form ?? .sniffed(bytes[start...].prefix(count))
      return OpenDocuments(
        .stream(stream), DocumentSource(path: StandardInput.name, form: form), separator,
        hasEnded: count < Self.pieceByteCount)
    }
    let file = try FileByteSource(path: path, system: system)
    if outputs.contains(where: file.status.isSameFile) {
      throw .outputRefused(path: path, why: "is the output, and among the inputs", hint: nil)
    }
    let source = DocumentSource(path: path, form: form ?? .of(path))
    return OpenDocuments(.file(file), source, separator)
  }
}

extension [UInt8] {
  /// Appends bytes that are read.
  ///
  /// - Parameters:
  ///   - count: room for so many.
  ///   - read: reads into the room, and says how many there are.
  /// - Returns: how many there are.
  /// - Throws: what `read` throws.
  mutating func appendBytes(
    _ count: Int, _ read: (UnsafeMutableRawBufferPointer) throws(IngotError) -> Int
  ) throws(IngotError) -> Int {
    let start = self.count
    append(contentsOf: repeatElement(0, count: count))
    var done = 0
    try withMutableBytes { (bytes) throws(IngotError) in
      done = try read(UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
    }
    removeLast(count - done)
    return done
  }
}
