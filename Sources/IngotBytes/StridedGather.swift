// SPDX-License-Identifier: Apache-2.0
// Puts elements of a stretch of storage that is in memory into C order: for views whose elements stand close together, such
// as expanded ones and those with small steps. No input or output.
import IngotCore

/// Rows of a strided tensor whose elements all stand in one short stretch of storage.
struct StridedGather {
  private struct Axis {
    var count: Int
    /// Bytes between neighbours in storage.
    var stride: Int
    /// Bytes between neighbours in C order.
    var target: Int
  }

  /// The first element, and how many elements there are up to the last.
  let start: Int
  let count: Int

  /// Dimensions from the outermost to the innermost, those merged that are contiguous in both orders.
  private var axes: [Axis] = []
  private let width: Int

  /// Describes rows; `nil` where a position overflows.
  init?(_ layout: StridedLayout, rows: Range<Int>, width: Int) {
    self.width = width
    guard rows.count > 0, let first = layout.position(ofRow: rows.lowerBound) else { return nil }
    var last = first
    for (count, stride) in layout.extents(rows: rows) {
      guard count > 0, let span = (count - 1).checkedMultiply(stride), let sum = last.checkedAdd(span) else {
        return nil
      }
      last = sum
    }
    guard let end = last.checkedAdd(1), let byteCount = end.checkedMultiply(width), byteCount >= 0 else {
      return nil
    }
    start = first
    count = end - first
    var target = width
    for (count, stride) in layout.extents(rows: rows).reversed() where count > 1 {
      let bytes = stride * width
      if let inner = axes.first, bytes == inner.stride * inner.count {
        axes[0].count *= count
      } else {
        axes.insert(Axis(count: count, stride: bytes, target: target), at: 0)
      }
      target *= count
    }
  }

  /// Gathers the rows.
  ///
  /// - Parameters:
  ///   - stretch: `count` elements from `start` on.
  ///   - target: receives the rows.
  func run(from stretch: UnsafeRawPointer, into target: UnsafeMutableRawPointer) {
    fill(0, from: stretch, into: target)
  }

  // SAFETY: the initializer has found the last element that is read, and the caller's buffer holds all rows.
  private func fill(_ index: Int, from source: UnsafeRawPointer, into target: UnsafeMutableRawPointer) {
    guard index < axes.count else { return target.copyMemory(from: source, byteCount: width) }
    let axis = axes[index]
    if axis.stride == 0 {
      fill(index + 1, from: source, into: target)
      return repeated(target, byteCount: axis.target, count: axis.count)
    }
    guard index == axes.count - 1 else {
      for position in 0..<axis.count {
        fill(index + 1, from: source + position * axis.stride, into: target + position * axis.target)
      }
      return
    }
    if axis.stride == width { return target.copyMemory(from: source, byteCount: axis.count * width) }
    switch width {
    case 1: copy(axis, UInt8.self, source, target)
    case 2: copy(axis, UInt16.self, source, target)
    case 4: copy(axis, UInt32.self, source, target)
    case 8: copy(axis, UInt64.self, source, target)
    default:
      for position in 0..<axis.count {
        (target + position * width).copyMemory(from: source + position * axis.stride, byteCount: width)
      }
    }
  }

  private func copy<Element: BitwiseCopyable>(
    _ axis: Axis, _: Element.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer
  ) {
    for position in 0..<axis.count {
      let element = source.loadUnaligned(fromByteOffset: position * axis.stride, as: Element.self)
      target.storeBytes(of: element, toByteOffset: position * width, as: Element.self)
    }
  }

  /// Repeats what stands at the start, each copy as long as all before it.
  private func repeated(_ target: UnsafeMutableRawPointer, byteCount: Int, count: Int) {
    let total = byteCount * count
    var done = byteCount
    while done < total {
      let next = min(done, total - done)
      (target + done).copyMemory(from: target, byteCount: next)
      done += next
    }
  }
}
