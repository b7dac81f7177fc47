// SPDX-License-Identifier: Apache-2.0
// Where pickles stand outside torch's own records: arrays of objects, and bare files of any name. For the survey of what
// a file would have called. Page: formats/containers/pickle.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// Finds pickles by content.
enum PickleCarriers {
  /// Surveys an array where its elements may be objects, which NumPy pickles behind the header.
  static func survey(
    array source: any ByteSource, at place: Location, _ survey: inout ContentSurvey
  ) throws(IngotError) {
    guard let offset = try objectsOffset(in: source, at: place) else { return }
    survey.add(pickles: offset..<source.byteCount, of: source, at: place)
  }

  /// Where the pickle of an array of objects starts; `nil` for an array of anything else.
  static func objectsOffset(in source: any ByteSource, at place: Location) throws(IngotError) -> Int? {
    let prefix = try source.bytes(at: 0, count: min(NumPyArrayHeader.prefixByteCount, source.byteCount))
    let extent = try NumPyArrayHeader.extent(of: prefix, available: source.byteCount, at: place)
    let literal = try source.bytes(at: extent.literal, count: extent.data - extent.literal)
    return mayNameObjects(literal) ? extent.data : nil
  }

  /// Whether a header's dtype may have objects in it, in any of NumPy's spellings: `'|O'`, `'O8'`, `'f4, 2O'`, `'object'`.
  private static func mayNameObjects(_ literal: [UInt8]) -> Bool {
    var previous = UInt8(ascii: " ")
    for byte in literal where byte != UInt8(ascii: " ") {
      // An escape may spell anything.
      if byte == UInt8(ascii: "\\") { return true }
      if byte == UInt8(ascii: "O"), "'\"|<>=,)0123456789".utf8.contains(previous) { return true }
      previous = byte
    }
    return String(decoding: literal, as: UTF8.self).contains("object")
  }

  /// Whether bytes begin as pickles of protocol 2 and later do.
  static func isPickle(firstBytes: [UInt8]) -> Bool {
    firstBytes.count >= 2 && firstBytes[0] == 0x80 && (2...5).contains(firstBytes[1])
  }

  /// Bytes that are run of a file that is something else.
  private static let knownByteLimit = 16 << 20

  /// Whether Python would go on where a pickle ended here: it has none of our limits, and takes more spellings.
  private static func goesOn(
    _ failure: IngotError, in source: any ByteSource, limit: Int
  ) throws(IngotError) -> Bool {
    if case .limitExceeded = failure { return true }
    guard case .malformed(let rule, let place, _, _) = failure, let rule = PickleRule(rawValue: rule.id),
      let offset = place.offset, (0...source.byteCount).contains(offset)
    else { return false }
    if rule == .whole { return offset == limit && limit < source.byteCount }
    let bytes = try source.bytes(at: offset, count: min(300, source.byteCount - offset))
    let line = bytes.dropFirst().prefix { $0 != UInt8(ascii: "\n") }
    let opcode = bytes.first.flatMap { PickleOpcode(rawValue: $0) }
    switch (rule, opcode) {
    case (.opcode, _), (.whole, _), (.selfContained, _), (.stack, _): return false
    case (.text, .string): return line.first.map("'\"".utf8.contains) ?? false
    case (.text, .unicode): return line.contains(UInt8(ascii: "\\"))
    case (.number, .int), (.number, .long), (.number, .float): return isNumber(line)
    case (.memo, .put): return isNumber(line)
    case (.memo, _): return opcode == .binPut || opcode == .longBinPut
    case (.globalName, .global), (.globalName, .inst): return !line.contains(UInt8(ascii: " "))
    case (.text, _), (.number, _), (.target, _), (.call, _), (.globalName, _), (.density, _): return true
    }
  }

  /// Whether a line may be a number to Python, in any base and spelling.
  private static func isNumber(_ line: ArraySlice<UInt8>) -> Bool {
    line.contains { (0x30...0x39).contains($0) }
      && line.allSatisfy { "0123456789abcdefABCDEFxXoOlL_+-. \t\r".utf8.contains($0) }
  }

  /// Names of pickles, whatever their first bytes.
  private static let extensions: Set<String> = ["pkl", "pickle", "pck", "dill", "joblib", "debug_pkl"]

  /// Surveys a file or member as a bare pickle, of any protocol.
  ///
  /// - Parameters:
  ///   - item: the file.
  ///   - isKnown: whether it is something else by its content: then only what names code makes it a pickle.
  /// - Returns: what it names; `nil` for a file that is no pickle.
  /// - Throws: read errors.
  static func survey(bare item: ContentScanner.Item, isKnown: Bool) throws(IngotError) -> ContentSurvey? {
    var survey = ContentSurvey()
    let limit = min(item.pickleByteLimit, isKnown && !item.isRaw ? knownByteLimit : .max)
    let range = 0..<min(limit, item.source.byteCount)
    let isRun = survey.add(pickles: range, of: item.source, at: item.place)
    if !isRun, !item.isRaw, let failure = survey.failures.last,
      try goesOn(failure, in: item.source, limit: limit)
    {
      return survey
    }
    guard !isKnown else { return isRun && !survey.globals.isEmpty ? survey : nil }
    // Words may begin as a number does in a pickle: what names nothing, and ends in no pickle, is the text that it seems.
    if isRun, survey.globals.isEmpty, let failure = survey.failures.last,
      try !goesOn(failure, in: item.source, limit: limit), try TextScan(item.source, marks: []).isText
    {
      return nil
    }
    let firstBytes = try item.source.bytes(at: 0, count: min(8, item.source.byteCount))
    guard
      isRun || isPickle(firstBytes: firstBytes) || extensions.contains(FilePath.fileExtension(of: item.name))
    else {
      return nil
    }
    if limit < item.source.byteCount, item.storedByteCount != nil {
      survey.add(.limitExceeded(.pickleExpansion, at: item.place, asked: UInt64(item.source.byteCount)))
    }
    return survey
  }
}
