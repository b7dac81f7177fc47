// SPDX-License-Identifier: Apache-2.0
// Changes of layout, simplified as they are composed: transposing twice is nothing, a slice of stored bytes is another range
// of the file, and rows of blocks are moved as blocks.
import IngotCore
import IngotKernels

extension LazyPart {
  /// The part with its elements converted; itself where they have the dtype.
  package func casting(to dtype: DType, onOverflow: OverflowPolicy) -> LazyPart {
    self.dtype == dtype ? self : .cast(self, to: dtype, onOverflow: onOverflow)
  }

  /// The part with rows and columns exchanged.
  ///
  /// - Precondition: it has two dimensions.
  package var transpose: LazyPart {
    switch self {
    case .transposed(let source): return source
    case .cast(let source, let dtype, let onOverflow):
      return .cast(source.transpose, to: dtype, onOverflow: onOverflow)
    case .zeros(let dtype, let shape): return .zeros(dtype, Shape(shape.dimensions.reversed()) ?? shape)
    case .stored(let name, let part):
      return part.transpose.map { .stored(name: name, $0) } ?? .transposed(self)
    default: return .transposed(self)
    }
  }

  /// The part with the rows of each head in another order of pairs.
  ///
  /// - Parameters:
  ///   - headRowCount: E, rows of a head; even.
  ///   - order: the order of the result; the part has the other one.
  /// - Returns: the part, or what it was made of where that has the order already.
  /// - Precondition: its rows are whole heads.
  package func paired(headRowCount: Int, _ order: PairOrder) -> LazyPart {
    switch self {
    case .paired(let source, headRowCount, order.inverse): return source
    case .cast(let source, let dtype, let onOverflow):
      return .cast(
        source.paired(headRowCount: headRowCount, order), to: dtype, onOverflow: onOverflow)
    case .dequantized(let blocks, let type, let shape) where shape.rank > 1:
      return .dequantized(blocks.paired(headRowCount: headRowCount, order), type, shape)
    case .zeros: return self
    default: return .paired(self, headRowCount: headRowCount, order)
    }
  }

  /// The part with groups of groups of rows exchanged: of `[outer, inner, rows]` those of `[inner, outer, rows]`.
  ///
  /// - Parameters:
  ///   - outer: groups.
  ///   - inner: groups in each.
  /// - Returns: the part, or what it was made of where they stood so.
  /// - Precondition: outer × inner divides its rows.
  package func regroup(outer: Int, inner: Int) -> LazyPart {
    switch self {
    case .regrouped(let source, inner, outer): return source
    case .cast(let source, let dtype, let onOverflow):
      return .cast(source.regroup(outer: outer, inner: inner), to: dtype, onOverflow: onOverflow)
    case .dequantized(let blocks, let type, let shape) where shape.rank > 1:
      return .dequantized(blocks.regroup(outer: outer, inner: inner), type, shape)
    case .zeros: return self
    default: return .regrouped(self, outer: outer, inner: inner)
    }
  }

  /// The groups of rows of a part that is exchanged so, one after another; `nil` where they are no whole ones.
  func groups(outer: Int, inner: Int) -> LazyPart? {
    let rows = shape.dimensions.first ?? 0
    guard outer > 0, inner > 0, let count = outer.checkedMultiply(inner), rows.isMultiple(of: count) else {
      return nil
    }
    let size = rows / count
    let slices = (0..<inner).flatMap { second in
      (0..<outer).map { first in
        slice((first * inner + second) * size..<(first * inner + second + 1) * size)
      }
    }
    return .joined(slices, shape)
  }

  /// The part with a number added to each value: in F64 where values are, in F32 where they are any other.
  ///
  /// - Parameter number: what is added.
  /// - Returns: the part, or what it was made of where the number was taken off.
  package func shift(by number: Float) -> LazyPart {
    if case .shifted(let source, -number) = self { return source }
    return .shifted(dtype == .f64 ? self : casting(to: .f32, onOverflow: .refuse), by: number)
  }

  /// The same elements under another shape.
  ///
  /// - Precondition: the shape has as many elements.
  package func reshape(to shape: Shape) -> LazyPart {
    guard shape != self.shape else { return self }
    switch self {
    case .reshaped(let source, _): return source.reshape(to: shape)
    case .cast(let source, let dtype, let onOverflow):
      return .cast(source.reshape(to: shape), to: dtype, onOverflow: onOverflow)
    case .dequantized(let blocks, let type, _):
      // Rows of part of a block have no shape in bytes.
      return type.byteShape(of: shape).map { .dequantized(blocks.reshape(to: $0), type, shape) }
        ?? .reshaped(self, shape)
    case .zeros(let dtype, _): return .zeros(dtype, shape)
    case .joined(let parts, _): return .joined(parts, shape)
    case .stored(let name, let part) where part.storage.layout == .rowMajor:
      var part = part
      part.shape = shape
      return .stored(name: name, part)
    default: return .reshaped(self, shape)
    }
  }

  /// Some rows: indexes of the first dimension.
  ///
  /// - Precondition: it has a first dimension, and the rows are within it.
  package func slice(_ rows: Range<Int>) -> LazyPart {
    guard rows != 0..<(shape.dimensions.first ?? 0) else { return self }
    switch self {
    case .cast(let source, let dtype, let onOverflow):
      return .cast(source.slice(rows), to: dtype, onOverflow: onOverflow)
    case .dequantized(let blocks, let type, let shape) where shape.rank > 1:
      return .dequantized(blocks.slice(rows), type, shape.withFirst(rows.count))
    case .zeros(let dtype, let shape): return .zeros(dtype, shape.withFirst(rows.count))
    case .rows(let source, let outer):
      return .rows(source, (outer.lowerBound + rows.lowerBound)..<(outer.lowerBound + rows.upperBound))
    case .stored(let name, let part):
      return part.slice(rows).map { .stored(name: name, $0) } ?? .rows(self, rows)
    default: return .rows(self, rows)
    }
  }

  /// One row without its dimension: the inverse of ``stack(_:)``.
  package func element(_ index: Int) -> LazyPart {
    let rest = Shape(shape.dimensions.dropFirst()) ?? .scalar
    return slice(index..<(index + 1)).reshape(to: rest)
  }

  /// One of so many equal shares of the elements in C order, as a vector.
  ///
  /// - Parameters:
  ///   - index: which share.
  ///   - count: how many there are.
  /// - Returns: the share: of as many joined parts one of them, of as many stored ranges one.
  /// - Precondition: as many shares are whole, and where as many parts are joined, they are alike (``stack(_:)``).
  package func share(_ index: Int, of count: Int) -> LazyPart {
    let size = shape.elementCount / max(1, count)
    switch self {
    case .cast(let source, let dtype, let onOverflow):
      return .cast(source.share(index, of: count), to: dtype, onOverflow: onOverflow)
    case .runs(let source, let rule, let content):
      return .runs(source.share(index, of: count), rule, content)
    case .joined(let parts, _) where parts.count == count && parts[index].shape.elementCount == size:
      return parts[index].reshape(to: [size])
    default:
      guard let rows = Shape([count, size]) else { return self }
      return reshape(to: rows).element(index)
    }
  }

  /// The part with rows of zeros behind it, up to a number of rows.
  ///
  /// - Precondition: it has at most that many.
  package func pad(toRows count: Int) -> LazyPart {
    let missing = count - (shape.dimensions.first ?? count)
    guard missing > 0 else { return self }
    if case .cast(let source, let dtype, let onOverflow) = self {
      return .cast(source.pad(toRows: count), to: dtype, onOverflow: onOverflow)
    }
    return .joined([self, .zeros(dtype, shape.withFirst(missing))], shape.withFirst(count))
  }

  /// Parts of one dtype and shape along a new first dimension.
  ///
  /// - Precondition: there is at least one, and all have the first one's dtype and shape.
  package static func stack(_ parts: [LazyPart]) -> LazyPart {
    let shape = parts.first?.shape ?? .scalar
    return .joined(parts, Shape([parts.count] + shape.dimensions) ?? shape)
  }

  /// A stored part without the checksum of its container, for what was checked in another pass.
  package var unchecked: LazyPart {
    switch self {
    case .stored(let name, var part):
      part.storage.checksum = nil
      return .stored(name: name, part)
    case .dequantized(let blocks, let type, let shape): return .dequantized(blocks.unchecked, type, shape)
    default: return self
    }
  }
}

extension StoredPart {
  /// The same bytes as the transpose: storage in another order of elements; `nil` for C order and boxes, whose transpose is
  /// better computed than gathered.
  fileprivate var transpose: StoredPart? {
    guard shape.rank == 2, let turned = Shape(shape.dimensions.reversed()) else { return nil }
    var part = self
    part.shape = turned
    switch storage.layout {
    case .rowMajor, .boxes, .joined: return nil
    case .columnMajor: part.storage.layout = .rowMajor
    case .strided(let offset, let strides):
      part.storage.layout = .strided(offset: offset, strides: strides.reversed())
    }
    return part
  }

  /// Rows as a range of the same file; `nil` where they are none, or where the container's checksum is over all rows.
  fileprivate func slice(_ rows: Range<Int>) -> StoredPart? {
    guard storage.layout == .rowMajor, storage.codec == .raw, storage.checksum == nil,
      let count = shape.dimensions.first, count > 0
    else { return nil }
    guard case .one(let segment) = storage.segments else { return segment(of: rows, count: count) }
    guard segment.byteCount % count == 0, segment.byteCount == shape.byteCount(of: dtype) else { return nil }
    let rowByteCount = segment.byteCount / count
    var part = self
    part.shape = shape.withFirst(rows.count)
    part.storage.segments = .one(
      StorageSegment(
        file: segment.file, offset: segment.offset + rows.lowerBound * rowByteCount,
        byteCount: rows.count * rowByteCount))
    return part
  }

  /// A single row of so many where each is a range of its own; `nil` elsewhere.
  private func segment(of rows: Range<Int>, count: Int) -> StoredPart? {
    guard rows.count == 1, case .many(let segments) = storage.segments, segments.count == count,
      let byteCount = shape.byteCount(of: dtype), byteCount % count == 0,
      segments.allSatisfy({ $0.byteCount == byteCount / count })
    else { return nil }
    var part = self
    part.shape = shape.withFirst(1)
    part.storage.segments = .one(segments[rows.lowerBound])
    return part
  }
}

extension Shape {
  /// The shape with another first dimension; itself for a scalar, or should that overflow.
  func withFirst(_ count: Int) -> Shape {
    guard rank > 0 else { return self }
    return Shape([count] + dimensions.dropFirst()) ?? self
  }
}
