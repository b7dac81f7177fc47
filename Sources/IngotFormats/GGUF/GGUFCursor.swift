// SPDX-License-Identifier: Apache-2.0
// Walks over the header of a GGUF file through a window: a header has no length field, and may be a hundred megabytes.
// Every read is checked against the end of the file. Page: formats/gguf.md, "Bytes".
import IngotBytes
import IngotCore

/// Takes the fields of a header one after the other, in the file's byte order.
struct GGUFCursor {
  /// Bytes read at a time.
  private static let windowByteCount = 1 << 16

  /// The file.
  let source: any ByteSource
  private var window: [UInt8] = []
  private var windowStart = 0
  /// The order of the bytes of numbers.
  var byteOrder = ByteOrder.little
  /// Where the next field stands in the file.
  private(set) var offset = 0
  /// The key or tensor whose fields come, for messages.
  var key: String?
  var tensor: String?

  init(_ source: any ByteSource) {
    self.source = source
  }

  /// The file, for messages.
  var path: String { source.path }
  /// Bytes between the cursor and the file's end.
  var remainingCount: Int { source.byteCount - offset }

  func malformed(
    _ rule: GGUFRule, at offset: Int? = nil, _ found: Evidence, _ expected: Evidence
  ) -> IngotError {
    .malformed(rule.rule, at: location(offset), found: found, expected: expected)
  }

  /// A place in the file; without an offset, the cursor's.
  func location(_ offset: Int? = nil) -> Location {
    Location(path, offset: offset ?? self.offset, tensor: tensor, key: key)
  }

  /// Takes bytes as they are: GG-04.
  mutating func bytes(_ count: Int) throws(IngotError) -> ArraySlice<UInt8> {
    guard count <= remainingCount else {
      throw malformed(.inFile, "a field of \(count, "byte"), \(remainingCount) before the end", "all of it")
    }
    let end = offset + count
    guard UInt64(end) <= Limit.ggufHeaderBytes.value else {
      throw .limitExceeded(.ggufHeaderBytes, at: location(), asked: UInt64(end))
    }
    if offset < windowStart || end > windowStart + window.count {
      windowStart = offset
      window = try source.bytes(
        at: offset, count: max(count, min(Self.windowByteCount, source.byteCount - offset)))
    }
    defer { offset = end }
    return window[(offset - windowStart)..<(end - windowStart)]
  }

  /// Takes a number.
  mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(IngotError) -> Number {
    let raw = try bytes(MemoryLayout<Number>.size)
    let number = raw.withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
    return byteOrder == .little ? Number(littleEndian: number) : Number(bigEndian: number)
  }

  /// Takes the length of a string or the count of an array, whose items have at least `itemByteCount` bytes: GG-05,
  /// then GG-04.
  mutating func count(itemByteCount: Int) throws(IngotError) -> Int {
    let start = offset
    let count = try number(UInt64.self)
    guard count <= UInt64(GGUFLayout.greatestCount) else {
      throw malformed(.lengthLimit, at: start, "a length of \(count)", "at most \(GGUFLayout.greatestCount)")
    }
    guard Int(count) <= remainingCount / itemByteCount else {
      throw malformed(
        .inFile, at: start, "\(count, "item") with \(remainingCount, "byte") left",
        "at most \(remainingCount / itemByteCount)")
    }
    return Int(count)
  }

  /// Takes the bytes of a string.
  mutating func string() throws(IngotError) -> ArraySlice<UInt8> {
    try bytes(try count(itemByteCount: 1))
  }

  /// Takes a string that must be UTF-8: GG-06.
  mutating func text() throws(IngotError) -> String {
    let start = offset
    guard let text = String(validating: try string(), as: UTF8.self) else {
      throw malformed(.text, at: start, "a string that is not UTF-8", "UTF-8")
    }
    return text
  }
}

/// Numbers that hold for every GGUF file.
enum GGUFLayout {
  /// The first bytes of every file.
  static let magic: [UInt8] = Array("GGUF".utf8)
  /// The version that is written.
  static let version: UInt32 = 3
  /// The alignment of files that do not say theirs.
  static let alignment = 32
  /// The key by which a file says it.
  static let alignmentKey = "general.alignment"
  /// Bytes of a string and elements of an array, at the most: ggml's own bound.
  static let greatestCount = 1 << 30
  /// Bytes of a key, at the most.
  static let greatestKeyByteCount = 65_535
  /// Bytes of a tensor's name, at the most: as many as a key may have.
  static let greatestNameByteCount = 65_535
  /// Bytes of a name that every build of ggml takes: its `GGML_MAX_NAME` of 64 has room for the terminator too, and
  /// programs such as stable-diffusion.cpp build it with 128.
  static let usualNameByteCount = 63

  /// The remark on names that are longer than that; `nil` where there are none.
  static func longNames(in names: some Sequence<String>) -> Finding? {
    let long = names.filter { $0.utf8.count > usualNameByteCount }
    guard let longest = long.max(by: { $0.utf8.count < $1.utf8.count }) else { return nil }
    let others: Evidence =
      long.count == 1 ? "" : ", as \(long.count - 1, "other has", "others have") over \(usualNameByteCount)"
    return Finding(
      .overProgramLimit, severity: .note, subject: longest,
      detail:
        "has \(longest.utf8.count, "byte")\(others); ggml takes \(usualNameByteCount) unless it is built for more"
    )
  }
  /// Dimensions of a tensor, at the most: `GGML_MAX_DIMS`.
  static let greatestRank = 4
}
