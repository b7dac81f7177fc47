// SPDX-License-Identifier: Apache-2.0
// The arithmetic of reading rows of a tensor that is stored in boxes: which elements of each box they are, and where
// those go. No input or output of its own.
import IngotCore

/// A tensor in boxes, each of them in C order in a segment of its own.
struct BoxLayout {
  private let boxes: [ElementBox]
  private let shape: Shape

  /// Describes a tensor's layout; `nil` for any other than boxes.
  init?(_ layout: ElementLayout, shape: Shape) {
    switch layout {
    case .boxes(let boxes): self.boxes = boxes
    case .joined(let joined): boxes = joined.map(\.box)
    case .rowMajor, .columnMajor, .strided: return nil
    }
    self.shape = shape
  }

  /// What some rows take from one box: elements that are consecutive there.
  struct Piece {
    /// Index of the box, and of its segment.
    var box: Int
    /// The first element, from the start of the box.
    var source: Int
    /// The number of elements.
    var count: Int
    /// Where the first element goes, from the start of the rows.
    var target: Int
    /// Elements that stay together on the way.
    var runCount: Int
    /// How often runs repeat along each dimension that cuts them, innermost first, and how far apart they go.
    fileprivate var repeats: [(count: Int, targetStride: Int)]

    /// Calls `body` for each run with the place of its first element, from the start of the piece and of the rows.
    func forEachRun(_ body: (_ source: Int, _ target: Int) -> Void) {
      var indexes = [Int](repeating: 0, count: repeats.count)
      var place = target
      for run in 0..<(runCount > 0 ? count / runCount : 0) {
        body(run * runCount, place)
        for axis in indexes.indices {
          indexes[axis] += 1
          place += repeats[axis].targetStride
          if indexes[axis] < repeats[axis].count { break }
          place -= repeats[axis].targetStride * repeats[axis].count
          indexes[axis] = 0
        }
      }
    }
  }

  /// What some rows take from each box that they meet.
  ///
  /// - Parameter rows: indexes along the first dimension.
  /// - Returns: the pieces, in the order of the boxes.
  func pieces(rows: Range<Int>) -> [Piece] {
    boxes.indices.compactMap { piece($0, rows: rows) }
  }

  private func piece(_ index: Int, rows: Range<Int>) -> Piece? {
    let box = boxes[index]
    guard let start = box.starts.first, let count = box.shape.dimensions.first else { return nil }
    let taken = rows.clamped(to: start..<(start + count))
    guard !taken.isEmpty else { return nil }
    var piece = Piece(
      box: index, source: (taken.lowerBound - start) * box.shape.rowElementCount,
      count: taken.count * box.shape.rowElementCount, target: 0, runCount: 1, repeats: [])
    var targetStride = 1
    var isWhole = true
    for axis in shape.dimensions.indices.reversed() {
      let count = axis == 0 ? taken.count : box.shape.dimensions[axis]
      let first = axis == 0 ? taken.lowerBound - rows.lowerBound : box.starts[axis]
      piece.target += first * targetStride
      if isWhole {
        piece.runCount *= count
      } else {
        piece.repeats.append((count, targetStride))
      }
      isWhole = isWhole && count == shape.dimensions[axis]
      targetStride *= shape.dimensions[axis]
    }
    return piece
  }
}
