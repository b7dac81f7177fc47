// SPDX-License-Identifier: Apache-2.0
// Boxes of matrices: some rows and some columns. Of stored ones they are described where they lie, so that nothing else is read,
// and a checksum over all of them is taken once however many boxes there are.
import IngotCore

extension LazyPart {
  /// Some rows and some columns of a matrix.
  ///
  /// - Parameters:
  ///   - rows: indexes of the first dimension.
  ///   - columns: indexes of the second one.
  /// - Returns: the box, as a stored part where it can be described as one.
  /// - Precondition: it has two dimensions, and both are within it.
  package func box(rows: Range<Int>, columns: Range<Int>) -> LazyPart {
    guard rows != 0..<shape.dimensions[0] || columns != 0..<shape.dimensions[1] else { return self }
    switch self {
    case .cast(let source, let dtype, let onOverflow):
      return .cast(source.box(rows: rows, columns: columns), to: dtype, onOverflow: onOverflow)
    case .paired(let source, let headRowCount, let order)
    where headRowCount > 0 && rows.lowerBound.isMultiple(of: headRowCount)
      && rows.upperBound.isMultiple(of: headRowCount):
      return .paired(source.box(rows: rows, columns: columns), headRowCount: headRowCount, order)
    case .stored(let name, let part):
      // Rows that are a range of their file need no other order of elements.
      if columns.count == shape.dimensions[1], case .stored(let name, let range) = slice(rows) {
        return .stored(name: name, range)
      }
      if let box = part.box(rows: rows, columns: columns) { return .stored(name: name, box) }
    default: break
    }
    let taken = slice(rows)
    return columns == 0..<shape.dimensions[1] ? taken : taken.transpose.slice(columns).transpose
  }
}

extension StoredPart {
  /// Some rows and columns as storage in an order of their own; `nil` where it has none.
  fileprivate func box(rows: Range<Int>, columns: Range<Int>) -> StoredPart? {
    // Whole rows of what is compressed are decoded in passing; columns of it from a copy.
    guard shape.rank == 2, blockType == nil, dtype.byteWidth != nil,
      storage.codec == .raw || columns.count < shape.dimensions[1],
      let size = Shape([rows.count, columns.count])
    else { return nil }
    var part = self
    part.shape = size
    if case .joined(let boxes) = storage.layout {
      guard let joined = joined(boxes, rows: rows, columns: columns) else { return nil }
      part.storage = joined
      return part
    }
    guard let (start, strides) = steps,
      let rowStart = rows.lowerBound.checkedMultiply(strides[0]),
      let columnStart = columns.lowerBound.checkedMultiply(strides[1]),
      let offset = start.checkedAdd(rowStart)?.checkedAdd(columnStart)
    else { return nil }
    part.storage.layout = .strided(offset: offset, strides: strides)
    return part
  }

  /// Where the first element stands, and the elements between neighbours; `nil` for boxes.
  private var steps: (start: Int, strides: [Int])? {
    switch storage.layout {
    case .rowMajor: (0, [shape.dimensions[1], 1])
    case .columnMajor: (0, [1, shape.dimensions[0]])
    case .strided(let offset, let strides) where strides.count == 2: (offset, strides)
    case .strided, .boxes, .joined: nil
    }
  }

  /// What some rows and columns take of the boxes that a part is joined of; `nil` where one of these can't be cut.
  private func joined(_ boxes: [JoinedBox], rows: Range<Int>, columns: Range<Int>) -> TensorStorage? {
    var taken: [JoinedBox] = []
    for whole in boxes {
      let (starts, counts) = (whole.box.starts, whole.box.shape.dimensions)
      guard starts.count == 2, counts.count == 2 else { return nil }
      let ownRows = rows.clamped(to: starts[0]..<(starts[0] + counts[0]))
      let ownColumns = columns.clamped(to: starts[1]..<(starts[1] + counts[1]))
      guard !ownRows.isEmpty, !ownColumns.isEmpty else { continue }
      let part = StoredPart(PartType(kind: kind, dtype: dtype, shape: whole.box.shape), whole.storage)
      let piece = LazyPart.stored(name: "", part).box(
        rows: ownRows.shifted(by: -starts[0]), columns: ownColumns.shifted(by: -starts[1]))
      guard case .stored(_, let stored) = piece else { return nil }
      let place = [ownRows.lowerBound - rows.lowerBound, ownColumns.lowerBound - columns.lowerBound]
      taken.append(
        JoinedBox(box: ElementBox(starts: place, shape: stored.shape), storage: stored.storage))
    }
    return taken.count == 1 ? taken[0].storage : TensorStorage(joining: taken)
  }
}

extension Range<Int> {
  /// The range at another place.
  fileprivate func shifted(by distance: Int) -> Range<Int> {
    (lowerBound + distance)..<(upperBound + distance)
  }
}
