// SPDX-License-Identifier: Apache-2.0
// Bytes of a file that its own format takes no account of: behind its end, in front of a zip archive, between entries. A
// program that knows their place, or looks for another end, would read them. Page: formats/containers/archive.md.
import IngotBytes
import IngotCore
import IngotEncodings

extension ContentScanner {
  /// Looks into a zip archive that stands behind other bytes, if there is one: some programs find it by its end.
  mutating func lookForZip(behind item: Item, _ survey: inout ContentSurvey) throws(IngotError) {
    guard let start = try ZipDirectory.start(in: item.source) else { return }
    do throws(IngotError) {
      var archive = item
      try enter(&archive)
      archive.source = SourceSlice(item.source, start..<item.source.byteCount, path: item.source.path)
      // Places in it may be counted from the file's first byte as well as from its own.
      let first = try ZipDirectory(archive.source).entries.map(\.headerOffset).min() ?? 0
      survey.add(.unsupported("\(start + first, "byte") in front of a zip archive", at: item.place))
      let firstBytes = try archive.source.bytes(
        at: first, count: min(FormatRegistry.firstByteCount, archive.source.byteCount - first))
      _ = try lookIntoZip(archive, firstBytes, isBehind: true, &survey)
    } catch {
      survey.add(error)
    }
  }

  /// Looks at what stands behind the tensors of a GGUF file, whatever set it is of.
  mutating func lookBehindTensors(_ item: Item, _ survey: inout ContentSurvey) throws(IngotError) {
    let end: Int
    do throws(IngotError) {
      end = try GGUFHeader(item.source).end
    } catch {
      return survey.add(error)
    }
    let range = min(end, item.source.byteCount)..<item.source.byteCount
    try lookAtRest(range, of: item, "\(range.count, "byte") behind the last tensor", &survey)
  }

  /// Looks at what stands behind the end of a picture.
  mutating func lookBehindPicture(_ item: Item, _ survey: inout ContentSurvey) throws(IngotError) {
    guard let end = try PictureEnd.offset(in: item.source) else {
      throw .unsupported("a picture whose end is not found", at: item.place)
    }
    let range = end..<item.source.byteCount
    try lookAtRest(range, of: item, "\(range.count, "byte") behind the end of a picture", &survey)
  }

  /// Looks at the first of the bytes that belong to no entry.
  mutating func lookBetweenEntries(
    of directory: ZipDirectory, in item: Item, isBehind: Bool, _ survey: inout ContentSurvey
  ) throws(IngotError) {
    for gap in directory.gaps where !(isBehind && gap.lowerBound == 0) {
      try lookAtRest(
        gap, of: item, "\(gap.count, "byte") that belong to no entry of a zip archive", &survey)
      // One is enough to say it.
      if !survey.failures.isEmpty { return }
    }
  }

  /// Looks behind the end of an archive, and notes the links and devices in it, which are not followed.
  mutating func lookBehind(
    _ listing: ArchiveListing, of item: Item, _ survey: inout ContentSurvey
  ) throws(IngotError) {
    for finding in listing.findings {
      survey.add(
        .unsuitable(Location(item.source.path, member: finding.subject), why: finding.detail, hint: nil))
    }
    guard let tail = listing.tail else { return }
    try lookAtRest(
      tail.range, of: item, "\(tail.range.count, "byte") behind the end of an archive", &survey)
  }

  /// Looks at bytes of a file that its own format takes no account of: a program may read from a place that it knows.
  private mutating func lookAtRest(
    _ range: Range<Int>, of item: Item, _ what: Evidence, _ survey: inout ContentSurvey
  ) throws(IngotError) {
    guard let start = try item.source.firstNonzero(in: range) else { return }
    survey.add(.unsupported(what, at: item.place))
    var rest = item
    rest.source = SourceSlice(item.source, start..<range.upperBound, path: item.source.path)
    rest.place.offset = (item.place.offset ?? 0) + start
    rest.name = ""
    (rest.isFile, rest.isRaw) = (false, false)
    var found = ContentSurvey()
    do throws(IngotError) {
      try enter(&rest)
      _ = try look(at: rest, &found)
    } catch {
      found.add(error)
    }
    if let stop = found.failures.first(where: \.endsSurvey) { throw stop }
    // That it is nothing known is no news.
    if found.hasFindings { survey.add(found) }
  }
}
