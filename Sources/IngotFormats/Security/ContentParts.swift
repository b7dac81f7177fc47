// SPDX-License-Identifier: Apache-2.0
// What ContentScanner takes files apart with: ranges of a file, files of an archive, compressed files, and what is known to
// hold no code.
import IngotBytes
import IngotCore
import IngotEncodings

/// A range of a source, as a source.
struct SourceSlice: ByteSource {
  let path: String
  private let source: any ByteSource
  private let range: Range<Int>

  /// A range that lies in the source.
  init(_ source: any ByteSource, _ range: Range<Int>, path: String) {
    self.source = source
    self.range = range
    self.path = path
  }

  var byteCount: Int { range.count }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IngotError) {
    guard offset >= 0, let end = offset.checkedAdd(buffer.count), end <= range.count else {
      throw .internal("a read past the end of a part of a file")
    }
    try source.read(into: buffer, at: range.lowerBound + offset)
  }
}

/// The files of an archive, decoded together, or one by one where that fails for any.
struct ArchiveFiles {
  private let archive: any ByteSource
  private let kind: ArchiveKind
  private let scratchFolder: String
  private let all: ArchiveContents?

  init(_ members: [ArchiveMember], of archive: any ByteSource, kind: ArchiveKind, scratchFolder: String) {
    self.archive = archive
    self.kind = kind
    self.scratchFolder = scratchFolder
    all = try? ArchiveContents(members, of: archive, in: archive, kind: kind, scratchFolder: scratchFolder)
  }

  /// A file by its member.
  func source(of member: ArchiveMember, at path: String) throws(IngotError) -> any ByteSource {
    let contents =
      if let all { all } else {
        try ArchiveContents([member], of: archive, in: archive, kind: kind, scratchFolder: scratchFolder)
      }
    guard let source = contents.source(at: path) else { throw .internal("a file that the archive lacks") }
    return source
  }
}

/// Files that are compressed as a whole.
enum Compression {
  /// The frame of what zlib decodes; `nil` for any other file.
  static func frame(of item: ContentScanner.Item, firstBytes: [UInt8]) throws(IngotError) -> Inflater.Frame? {
    if firstBytes.starts(with: [0x1F, 0x8B, 0x08]) { return item.isRaw ? nil : .gzip }
    // zlib's two bytes are a multiple of 31, which other files begin with too: those don't decode.
    guard !item.isRaw, firstBytes.count > 2, firstBytes[0] & 0x0F == 8, firstBytes[0] >> 4 <= 7,
      (Int(firstBytes[0]) << 8 | Int(firstBytes[1])) % 31 == 0
    else { return nil }
    return decodes(firstBytes, .zlib) ? .zlib : nil
  }

  /// Whether a beginning is that of a compressed stream.
  private static func decodes(_ firstBytes: [UInt8], _ frame: Inflater.Frame) -> Bool {
    var inflater = Inflater(frame)
    var output = [UInt8](repeating: 0, count: 1 << 16)
    return firstBytes.withUnsafeBytes { input in
      output.withUnsafeMutableBytes { buffer in
        guard let result = try? inflater.decode(input, into: buffer) else { return false }
        return result.written > 0 || inflater.isFinished
      }
    }
  }
}

/// Files that are no text and hold no code.
enum HarmlessContent {
  /// Bytes of a vocabulary of SentencePiece: real ones have five million.
  private static let vocabularyLimit = 64 << 20

  /// Whether a file is one of numbers whose index stands beside it, says what they are, and is looked at itself.
  static func isTensorFlowData(_ source: any ByteSource) -> Bool {
    TensorFlowFileName.index(ofShard: FilePath.name(of: source.path))
      .map { (try? source.sibling(named: $0)) != nil } ?? false
  }

  /// Whether a file is a vocabulary of SentencePiece: pieces, each with a text, then two specifications.
  static func isVocabulary(_ source: any ByteSource, _ firstBytes: [UInt8]) -> Bool {
    guard firstBytes.first == 0x0A, source.byteCount <= vocabularyLimit else { return false }
    do throws(IngotError) {
      let place = Location(source.path)
      let bytes = try source.bytes(at: 0, count: source.byteCount)
      var message = ProtobufReader(bytes[...], at: place, repeatable: [1])
      var pieceCount = 0
      while let field = try message.next() {
        guard (1...5).contains(field.number) else { return false }
        guard field.number == 1 else { continue }
        var piece = try field.message()
        guard let text = try piece.next(), text.number == 1 else { return false }
        pieceCount += 1
      }
      return pieceCount > 0
    } catch {
      return false
    }
  }
}

extension IngotError {
  /// Whether it tells of the system and not of the file that was looked at.
  var endsSurvey: Bool {
    switch self {
    case .interrupted, .internal, .sourceChanged: true
    case .environment(let failure): failure.purpose != .openInput
    default: false
    }
  }
}

extension ArchiveMember {
  /// Whether its bytes stand in the archive as they are.
  var isPlain: Bool { if case .plain = storage { true } else { false } }
}
