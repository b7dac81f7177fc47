// SPDX-License-Identifier: Apache-2.0
// The arithmetic of reading rows of a tensor whose elements do not stand in C order: which runs of storage hold
// them, and where each run goes. No input or output of its own.
import IngotCore

/// Runs of storage that make up rows of a tensor in C order.
///
/// Dimensions that are contiguous in both orders are merged first; then the dimension with stride 1 is the run, and
/// the others are walked in the order of storage.
struct StridedLayout {
  private struct Axis {
    var count: Int
    /// Elements between neighbours in storage.
    var stride: Int
    /// Elements between neighbours in C order.
    var rowMajorStride: Int
  }

  private let base: Int
  /// The dimensions, without leading ones of 1.
  private let dimensions: [Int]
  private let strides: [Int]

  /// Rows along the first dimension that is kept; 1 for a scalar.
  var rowCount: Int { dimensions.first ?? 1 }

  /// Describes a tensor's layout; `nil` for C order and boxes, which need none of this, and for layouts that overflow.
  init?(_ layout: ElementLayout, shape: Shape) {
    let skipped = shape.dimensions.prefix { $0 == 1 }.count
    dimensions = Array(shape.dimensions.dropFirst(skipped))
    switch layout {
    case .rowMajor, .boxes, .joined: return nil
    case .strided(let offset, let strides):
      guard strides.count == shape.rank else { return nil }
      self.base = offset
      self.strides = Array(strides.dropFirst(skipped))
    case .columnMajor:
      base = 0
      var stride = 1
      strides = dimensions.map { count in
        defer { stride *= max(count, 1) }
        return stride
      }
    }
  }

  /// The position in storage of the first element of a row; `nil` when it overflows.
  func position(ofRow row: Int) -> Int? {
    row.checkedMultiply(strides.first ?? 0)?.checkedAdd(base)
  }

  /// The count and the stride of each dimension of some rows.
  func extents(rows: Range<Int>) -> [(count: Int, stride: Int)] {
    zip(dimensions.indices, strides).map { ($0 == 0 ? rows.count : dimensions[$0], $1) }
  }

  /// A run of elements: where it starts in storage, where its first element goes, and the distance between elements
  /// there.
  struct Run {
    var source: Int
    var count: Int
    var target: Int
    var targetStride: Int
  }

  /// Elements between the starts of neighbouring runs in storage, when there is more than one run.
  func runDistance(rows: Range<Int>) -> Int {
    let axes = axes(rows: rows).others
    return axes.last?.stride ?? 0
  }

  /// Elements in each run of some rows.
  func runCount(rows: Range<Int>) -> Int { axes(rows: rows).run.count }

  /// Calls `body` for each run of some rows, in the order of storage as far as strides tell it.
  ///
  /// - Parameters:
  ///   - rows: indexes along the first dimension that is not 1; for a scalar `0..<1`.
  ///   - body: takes a run.
  /// - Throws: what `body` throws.
  func forEachRun(rows: Range<Int>, _ body: (Run) throws(IngotError) -> Void) throws(IngotError) {
    let (run, others) = axes(rows: rows)
    guard run.count > 0, others.allSatisfy({ $0.count > 0 }) else { return }
    let start = base + rows.lowerBound * (strides.first ?? 0)
    var indexes = [Int](repeating: 0, count: others.count)
    var source = start
    var target = 0
    while true {
      try body(Run(source: source, count: run.count, target: target, targetStride: run.rowMajorStride))
      var position = others.count - 1
      while position >= 0 {
        indexes[position] += 1
        source += others[position].stride
        target += others[position].rowMajorStride
        if indexes[position] < others[position].count { break }
        source -= others[position].stride * others[position].count
        target -= others[position].rowMajorStride * others[position].count
        indexes[position] = 0
        position -= 1
      }
      if position < 0 { return }
    }
  }

  /// The axis that makes runs, and the others from the widest stride to the narrowest.
  private func axes(rows: Range<Int>) -> (run: Axis, others: [Axis]) {
    var axes: [Axis] = []
    var rowMajorStride = 1
    for (index, count) in dimensions.enumerated().reversed() {
      let count = index == 0 ? rows.count : count
      let axis = Axis(count: count, stride: strides[index], rowMajorStride: rowMajorStride)
      rowMajorStride *= count
      guard count != 1 else { continue }
      if let inner = axes.last, axis.stride == inner.stride * inner.count {
        axes[axes.count - 1].count *= count
      } else {
        axes.append(axis)
      }
    }
    let unit = axes.firstIndex { $0.stride == 1 }
    let run = unit.map { axes.remove(at: $0) } ?? Axis(count: 1, stride: 1, rowMajorStride: 1)
    return (run, axes.sorted { $0.stride > $1.stride })
  }
}
