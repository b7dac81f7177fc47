// SPDX-License-Identifier: Apache-2.0
// Goes through a text with a pattern, match by match. A search that fails far on is noted, so that none is made twice:
// T. Reps, "Maximal-Munch Tokenization in Linear Time", 1998, with a note every 256 bytes instead of every byte.

/// What a pattern finds in a text: its matches and what stands between them.
package struct PatternScan {
  private let pattern: TextPattern
  /// Bytes looked at, those looked at again counted again.
  package private(set) var steps = 0
  /// Places, by their number of blocks, and states from which no match is reached.
  private var failures: Set<Failure> = []

  private struct Failure: Hashable {
    var block: Int
    var state: Int
  }

  /// Bytes between two notes.
  private static let block = 256

  /// Begins with nothing noted.
  package init(_ pattern: TextPattern) { self.pattern = pattern }

  /// Goes through a range of a text.
  ///
  /// - Parameters:
  ///   - text: bytes.
  ///   - range: where to look, in whole characters; a look ahead goes no further.
  ///   - isEnd: whether the text ends there. If not, nothing is said of what bytes behind it could change.
  ///   - asLetters: whether each byte stands for the letter that GPT-2 writes it with.
  ///   - found: takes ranges from the first to the last, without gaps, and whether each is a match.
  /// - Returns: where the rest begins of which nothing is said; the range's end where there is none.
  package mutating func run(
    _ text: [UInt8], _ range: Range<Int>, isEnd: Bool, asLetters: Bool,
    _ found: (Range<Int>, _ isMatch: Bool) -> Void
  ) -> Int {
    failures.removeAll(keepingCapacity: true)
    let classes = asLetters ? pattern.letters : pattern.bytes
    let columnCount = pattern.automaton.columnCount
    return text.withUnsafeBufferPointer { bytes in
      classes.withUnsafeBufferPointer { classes in
        pattern.automaton.transitions.withUnsafeBufferPointer { transitions in
          pattern.classes.withTables { blocks, values in
            let tables = Tables(
              bytes: bytes, classes: classes, blocks: blocks, values: values, transitions: transitions,
              columnCount: columnCount)
            return run(tables, range.clamped(to: bytes.indices), isEnd, found)
          }
        }
      }
    }
  }

  private struct Tables {
    let bytes: UnsafeBufferPointer<UInt8>
    let classes: UnsafeBufferPointer<UInt8>
    let blocks: UnsafeBufferPointer<UInt16>
    let values: UnsafeBufferPointer<UInt8>
    let transitions: UnsafeBufferPointer<UInt16>
    let columnCount: Int
  }

  private mutating func run(
    _ tables: Tables, _ range: Range<Int>, _ isEnd: Bool, _ found: (Range<Int>, Bool) -> Void
  ) -> Int {
    let end = range.upperBound
    var place = range.lowerBound
    var gap = place
    while place < end {
      let (match, sawEnd) = match(tables, from: place, end: end, isEnd)
      if sawEnd, !isEnd { return gap }
      if match > place {
        if gap < place { found(gap..<place, false) }
        found(place..<match, true)
        place = match
        gap = match
      } else {
        let isWhole = tables.classes[Int(tables.bytes[place])] != TextPattern.notASCII
        place += isWhole ? 1 : UTF8Scalar(tables.bytes, at: place, end: end).length
      }
    }
    if isEnd, gap < end { found(gap..<end, false) }
    return isEnd ? end : gap
  }

  /// Looks for a match at a place.
  ///
  /// - Returns: where the match ends, or the place itself where there is none; and whether that depends on what follows
  ///   the end.
  private mutating func match(
    _ tables: Tables, from start: Int, end: Int, _ isEnd: Bool
  ) -> (end: Int, sawEnd: Bool) {
    // SAFETY: places are below `end`, within the bytes. A class is below the count of columns and a state below that of
    // rows, as both were made together; the table has rows times columns entries.
    let columns = tables.columnCount
    var place = start
    var last = start
    var state = PatternAutomaton.start
    var note = start + Self.block - start % Self.block
    var pending: [Failure] = []
    defer { steps += place - start }
    while place < end {
      if place >= note {
        let failure = Failure(block: note / Self.block, state: state)
        if failures.contains(failure) { break }
        pending.append(failure)
        note = place + Self.block - place % Self.block
      }
      let byte = tables.bytes[place]
      var column = Int(tables.classes[Int(byte)])
      var length = 1
      if column == Int(TextPattern.notASCII) {
        let scalar = UTF8Scalar(tables.bytes, at: place, end: end)
        let block = Int(tables.blocks[Int(scalar.value >> 8)])
        column = Int(tables.values[block << 8 | Int(scalar.value & 0xFF)])
        length = scalar.length
      }
      let transition = Int(tables.transitions[state &* columns &+ column])
      if transition & 1 == 1 {
        last = place
        if !pending.isEmpty { pending.removeAll(keepingCapacity: true) }
      }
      state = transition >> 1
      if state == 0 {
        remember(pending)
        return (last, false)
      }
      place += length
    }
    return atEnd(tables, state, place, last, pending, end, isEnd)
  }

  private mutating func remember(_ pending: [Failure]) {
    if !pending.isEmpty { failures.formUnion(pending) }
  }

  /// What holds where a search came to the text's end, or to a place from which it is known to fail.
  private mutating func atEnd(
    _ tables: Tables, _ state: Int, _ place: Int, _ last: Int, _ pending: [Failure], _ end: Int, _ isEnd: Bool
  ) -> (end: Int, sawEnd: Bool) {
    guard place >= end else {
      remember(pending)
      return (last, false)
    }
    guard isEnd else { return (last, true) }
    let columns = tables.columnCount
    if tables.transitions[state &* columns &+ (columns - 1)] & 1 == 1 { return (end, true) }
    remember(pending)
    return (last, true)
  }
}
