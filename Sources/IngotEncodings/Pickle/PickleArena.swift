// SPDX-License-Identifier: Apache-2.0
// Room for the many small things that a pickle builds. An array that grows copies itself, and for that while takes three
// times its room; here elements stand in pieces that stay where they are.

/// Elements by position, in runs that lie together.
struct PickleArena<Element: Sendable>: Sendable {
  private static var shift: Int { 14 }
  /// Elements of a piece; a longer run has a piece of its own, which grows as an array does.
  private static var pieceCount: Int { 1 << shift }

  private var pieces: [[Element]] = []

  /// The position behind the last element.
  private var end: Int {
    pieces.last.map { (pieces.count - 1) << Self.shift + $0.count } ?? 0
  }

  /// Whether so many more elements fit into the last piece.
  private func hasRoom(_ count: Int) -> Bool {
    pieces.last.map { $0.count + count <= Self.pieceCount } ?? false
  }

  private mutating func startPiece(_ count: Int) {
    pieces.append([])
    pieces[pieces.count - 1].reserveCapacity(max(count, Self.pieceCount))
  }

  /// The element at a position.
  subscript(position: Int) -> Element {
    get { pieces[position >> Self.shift][position & (Self.pieceCount - 1)] }
    set { pieces[position >> Self.shift][position & (Self.pieceCount - 1)] = newValue }
  }

  /// The elements of a run.
  subscript(start: Int, count: Int) -> ArraySlice<Element> {
    guard count > 0 else { return [] }
    let first = start & (Self.pieceCount - 1)
    return pieces[start >> Self.shift][first..<(first + count)]
  }

  /// Adds an element; gives its position.
  mutating func append(_ element: Element) -> Int {
    if !hasRoom(1) { startPiece(1) }
    let position = end
    pieces[pieces.count - 1].append(element)
    return position
  }

  /// Adds a run; gives its position.
  mutating func append(_ elements: some Collection<Element>) -> Int {
    if !hasRoom(elements.count) { startPiece(elements.count) }
    let position = end
    pieces[pieces.count - 1] += elements
    return position
  }

  /// Adds elements to a run, in place where nothing stands behind it, else at a new place with room to double.
  ///
  /// - Parameters:
  ///   - elements: what to add.
  ///   - start: where the run is.
  ///   - count: how many elements it has.
  ///   - capacity: how many it has room for; changed with the place.
  ///   - filler: an element for the room.
  /// - Returns: where the run is from then on.
  mutating func extend(
    _ elements: ArraySlice<Element>, start: Int, count: Int, capacity: inout Int, filler: Element
  ) -> Int {
    let (piece, first) = (start >> Self.shift, start & (Self.pieceCount - 1))
    let newCount = count + elements.count
    if newCount <= capacity {
      for (index, element) in elements.enumerated() { pieces[piece][first + count + index] = element }
      return start
    }
    let isLast = first + capacity == pieces[piece].count
    if isLast, capacity > Self.pieceCount || piece == pieces.count - 1 && hasRoom(newCount - capacity) {
      pieces[piece].removeLast(capacity - count)
      pieces[piece] += elements
      capacity = newCount
      return start
    }
    // What the run leaves behind is lost; it doubles, so that all that is lost is no more than what there is.
    let run = Array(self[start, count])
    capacity = newCount > Self.pieceCount / 2 ? max(newCount, Self.pieceCount + 1) : 2 * newCount
    startPiece(isFitting: capacity)
    let position = end
    pieces[pieces.count - 1] += run
    pieces[pieces.count - 1] += elements
    pieces[pieces.count - 1] += repeatElement(filler, count: capacity - newCount)
    return position
  }

  private mutating func startPiece(isFitting count: Int) {
    if !hasRoom(count) { startPiece(count) }
  }
}
