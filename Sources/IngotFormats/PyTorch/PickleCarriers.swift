// SPDX-License-Identifier: Apache-2.0
// Where pickles stand outside torch's own records: members of any zip archive, arrays of objects, and bare files of any
// name. For the survey of what a file would have called. Page: formats/containers/pickle.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// Finds pickles by content.
public enum PickleCarriers {
  /// Surveys every member of a zip archive that is a pickle or an array of objects, whatever it is called.
  static func survey(zip source: any ByteSource, _ survey: inout PickleSurvey) throws(IngotError) {
    for entry in try ZipDirectory(source).entries {
      let place = Location(source.path, member: entry.name)
      do throws(IngotError) {
        let head = try ZipMemberReader(entry, source: source).bytes(min(8, entry.byteCount))
        let isArray = head.starts(with: NumPyArrayHeader.magic)
        guard isArray || entry.name.hasSuffix(".pkl") || isPickle(head: head) else { continue }
        guard isArray else {
          var machine = try PyTorchArchive.pickle(entry, in: source, isSurvey: true)
          survey.add(&machine)
          continue
        }
        try self.survey(array: entry, of: source, at: place, &survey)
      } catch {
        survey.add(error)
      }
    }
  }

  /// Surveys an array of an archive; one of numbers is not decoded.
  private static func survey(
    array entry: ZipEntry, of source: any ByteSource, at place: Location, _ survey: inout PickleSurvey
  ) throws(IngotError) {
    var place = place
    if entry.method == .stored {
      place.offset = -entry.dataOffset
      let range = entry.dataOffset..<(entry.dataOffset + entry.byteCount)
      try self.survey(array: source, range, at: place, &survey)
      return
    }
    let headByteCount = min(
      entry.byteCount, Int(Limit.numpyHeaderBytes.value) + NumPyArrayHeader.prefixByteCount)
    let head = try ZipMemberReader(entry, source: source).bytes(headByteCount)
    let start = MemoryByteSource(head, path: source.path)
    guard try objectsOffset(in: start, 0..<head.count, at: place) != nil else { return }
    try entry.checkExpansion(at: place)
    let bytes = try ZipMemberReader(entry, source: source).bytes(entry.byteCount)
    try self.survey(array: MemoryByteSource(bytes, path: source.path), bytes.indices, at: place, &survey)
  }

  /// Surveys an array where its elements are objects, which NumPy pickles behind the header.
  ///
  /// - Returns: whether they are.
  @discardableResult
  static func survey(
    array source: any ByteSource, _ range: Range<Int>, at place: Location, _ survey: inout PickleSurvey
  ) throws(IngotError) -> Bool {
    guard let offset = try objectsOffset(in: source, range, at: place) else { return false }
    survey.add(pickles: (range.lowerBound + offset)..<range.upperBound, of: source, at: place)
    return true
  }

  /// Where the pickle of an array of objects starts; `nil` for an array of anything else.
  private static func objectsOffset(
    in source: any ByteSource, _ range: Range<Int>, at place: Location
  ) throws(IngotError) -> Int? {
    let prefix = try source.bytes(
      at: range.lowerBound, count: min(NumPyArrayHeader.prefixByteCount, range.count))
    let extent = try NumPyArrayHeader.extent(of: prefix, available: range.count, at: place)
    let literal = try source.bytes(at: range.lowerBound + extent.literal, count: extent.data - extent.literal)
    // Also in a structure: `'|O'`, `'O'`, `'O8'`.
    let text = String(decoding: literal, as: UTF8.self)
    return text.contains("|O") || text.contains("'O") || text.contains("\"O") ? extent.data : nil
  }

  /// Whether bytes begin as pickles of protocol 2 and later do.
  static func isPickle(head: [UInt8]) -> Bool {
    head.count >= 2 && head[0] == 0x80 && (2...5).contains(head[1])
  }

  /// Surveys a file of no known format: a bare pickle, of any name and any protocol.
  ///
  /// - Returns: what it names; `nil` for a file that is no pickle.
  public static func survey(bare source: any ByteSource) throws(IngotError) -> PickleSurvey? {
    let head = try source.bytes(at: 0, count: min(8, source.byteCount))
    var survey = PickleSurvey()
    let isRun = survey.add(pickles: 0..<source.byteCount, of: source, at: Location(source.path))
    return isRun || isPickle(head: head) ? survey : nil
  }
}
