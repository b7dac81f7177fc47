// SPDX-License-Identifier: Apache-2.0
// Joins neighbouring symbols, those of the lowest rank first and of equal ones the leftmost, until none is left to join.
// Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016, algorithm 1.

/// Memory for joining symbols, used again from piece to piece.
package struct MergeScratch: Sendable {
  /// A symbol of the piece: what it is, its length, and its neighbours.
  struct Symbol: Sendable {
    var id: UInt32
    var length: UInt32
    /// The index of the symbol before; -1 for none.
    var previous: Int32 = -1
    /// The index of the symbol behind; -1 for none.
    var next: Int32 = -1
  }

  /// A pair that could be joined, as it was when it was found.
  struct Candidate: Comparable, Sendable {
    var rank: UInt32
    /// The index of the left symbol.
    var left: Int32
    var merged: UInt32
    /// The length of both, by which it is known whether they are still the same.
    var length: UInt32

    static func < (a: Candidate, b: Candidate) -> Bool { (a.rank, a.left) < (b.rank, b.left) }
  }

  /// The symbols, before and after joining.
  var symbols: [Symbol] = []
  /// Characters that have no symbol and are left out before neighbours are joined: offsets in the text, and lengths.
  var gaps: [(offset: Int, length: Int)] = []
  private var ranks: [MergeTable.Merge] = []
  private var heap: [Candidate] = []

  /// Makes empty memory.
  package init() {}

  /// Takes a piece of this many bytes at most.
  ///
  /// Indexes and lengths have 32 bits; the limit on pieces is far below.
  static let largestPiece = 1 << 30

  mutating func add(_ id: UInt32, length: Int) {
    symbols.append(Symbol(id: id, length: UInt32(truncatingIfNeeded: length)))
  }

  /// Joins symbols by a table, as long as there are pairs in it.
  ///
  /// - Complexity: n log n; of few symbols n², which is quicker there.
  mutating func mergeAll(_ table: MergeTable) {
    guard symbols.count > 1 else { return }
    if symbols.count <= 48 { mergeFew(table) } else { mergeMany(table) }
  }

  /// Looks through all pairs for the next one each time.
  private mutating func mergeFew(_ table: MergeTable) {
    var count = symbols.count
    ranks.removeAll(keepingCapacity: true)
    for index in 1..<count { ranks.append(table.merge(symbols[index - 1].id, symbols[index].id)) }
    while count > 1 {
      var best = 0
      var bestRank = ranks[0].rank
      for index in 1..<(count - 1) where ranks[index].rank < bestRank {
        best = index
        bestRank = ranks[index].rank
      }
      guard bestRank != .max else { break }
      symbols[best].id = ranks[best].symbol
      symbols[best].length += symbols[best + 1].length
      symbols.remove(at: best + 1)
      ranks.remove(at: best)
      count -= 1
      if best > 0 { ranks[best - 1] = table.merge(symbols[best - 1].id, symbols[best].id) }
      if best < count - 1 { ranks[best] = table.merge(symbols[best].id, symbols[best + 1].id) }
    }
  }

  /// Keeps pairs in a heap, and symbols in a list with neighbours.
  private mutating func mergeMany(_ table: MergeTable) {
    heap.removeAll(keepingCapacity: true)
    for index in symbols.indices {
      symbols[index].previous = Int32(index) - 1
      symbols[index].next = index + 1 < symbols.count ? Int32(index) + 1 : -1
    }
    for index in 0..<(symbols.count - 1) { propose(Int32(index), table) }
    while let candidate = popCandidate() {
      let left = Int(candidate.left)
      let next = symbols[left].next
      // A symbol that is gone has no length; a pair that has changed is longer.
      guard symbols[left].length > 0, next >= 0,
        symbols[left].length + symbols[Int(next)].length == candidate.length
      else { continue }
      join(left, Int(next), as: candidate.merged)
      if symbols[left].previous >= 0 { propose(symbols[left].previous, table) }
      propose(candidate.left, table)
    }
    symbols.removeAll { $0.length == 0 }
  }

  private mutating func join(_ left: Int, _ right: Int, as id: UInt32) {
    symbols[left].id = id
    symbols[left].length += symbols[right].length
    symbols[right].length = 0
    let next = symbols[right].next
    symbols[left].next = next
    if next >= 0 { symbols[Int(next)].previous = Int32(left) }
  }

  private mutating func propose(_ left: Int32, _ table: MergeTable) {
    let symbol = symbols[Int(left)]
    guard symbol.next >= 0 else { return }
    let next = symbols[Int(symbol.next)]
    let merge = table.merge(symbol.id, next.id)
    guard merge.rank != .max else { return }
    pushCandidate(
      Candidate(
        rank: merge.rank, left: left, merged: merge.symbol, length: symbol.length + next.length))
  }

  private mutating func pushCandidate(_ candidate: Candidate) {
    heap.append(candidate)
    var place = heap.count - 1
    while place > 0 {
      let parent = (place - 1) / 2
      guard candidate < heap[parent] else { break }
      heap[place] = heap[parent]
      place = parent
    }
    heap[place] = candidate
  }

  private mutating func popCandidate() -> Candidate? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first }
    var place = 0
    while true {
      var child = place * 2 + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < last else { break }
      heap[place] = heap[child]
      place = child
    }
    heap[place] = last
    return first
  }
}
