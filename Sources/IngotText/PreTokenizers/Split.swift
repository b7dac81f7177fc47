// SPDX-License-Identifier: Apache-2.0
// Split: cuts text by a pattern. Most other pre-tokenizers are a pattern, and cut by this one.

/// What becomes of the matches of a pattern that cuts text.
enum SplitBehavior: String {
  /// They are no part of any piece.
  case removed = "Removed"
  /// Each is a piece.
  case isolated = "Isolated"
  /// Each belongs to the piece before it.
  case mergedWithPrevious = "MergedWithPrevious"
  /// Each belongs to the piece behind it.
  case mergedWithNext = "MergedWithNext"
  /// Those side by side are one piece.
  case contiguous = "Contiguous"
}

/// Cuts text by a pattern.
struct Split: PreTokenizer {
  let pattern: TextPattern
  let behavior: SplitBehavior
  /// Whether what stands between the matches counts as matches, and they as what stands between.
  var isInverted = false

  func split(_ text: inout PreTokenizedText) {
    var scan = PatternScan(pattern)
    var cutter = PieceCutter(behavior, isInverted: isInverted)
    let bytes = text.text.bytes
    for piece in text.pieces {
      _ = scan.run(bytes, piece, isEnd: true, asLetters: text.bytesAreLetters) { cutter.add($0, isMatch: $1) }
      cutter.finish()
    }
    if text.openStart < bytes.count {
      let open = text.openStart..<bytes.count
      let rest = scan.run(bytes, open, isEnd: false, asLetters: text.bytesAreLetters) {
        cutter.add($0, isMatch: $1)
      }
      text.openStart = cutter.takePending()?.lowerBound ?? rest
    }
    text.pieces = cutter.pieces
    text.goesOn = false
  }
}

/// Makes pieces of matches and what stands between them.
struct PieceCutter {
  /// The pieces that are complete.
  private(set) var pieces: [Range<Int>] = []
  private let behavior: SplitBehavior
  private let isInverted: Bool
  /// The last piece, which what follows may still belong to.
  private var pending: Range<Int>?
  private var wasMatch = false

  init(_ behavior: SplitBehavior, isInverted: Bool) {
    self.behavior = behavior
    self.isInverted = isInverted
  }

  /// Adds a match or what stands between two; ranges come in order and without gaps.
  mutating func add(_ range: Range<Int>, isMatch: Bool) {
    let isMatch = isMatch != isInverted
    switch behavior {
    case .isolated: pieces.append(range)
    case .removed: if !isMatch { pieces.append(range) }
    case .contiguous: join(range, if: isMatch == wasMatch)
    case .mergedWithPrevious: join(range, if: isMatch && !wasMatch)
    case .mergedWithNext: join(range, if: !isMatch && wasMatch)
    }
    wasMatch = isMatch
  }

  private mutating func join(_ range: Range<Int>, if joins: Bool) {
    if joins, let before = pending {
      pending = before.lowerBound..<range.upperBound
    } else {
      if let pending { pieces.append(pending) }
      pending = range
    }
  }

  /// Takes the last piece, which may not be complete.
  mutating func takePending() -> Range<Int>? {
    defer {
      pending = nil
      wasMatch = false
    }
    return pending
  }

  /// Completes the last piece.
  mutating func finish() { if let last = takePending() { pieces.append(last) } }
}
