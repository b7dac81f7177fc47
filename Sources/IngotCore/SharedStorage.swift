// SPDX-License-Identifier: Apache-2.0
// Tensors that are other views of stored bytes that a tensor before them has: rows of a matrix, a matrix turned. Those that
// are one view of the same bytes are aliases (TensorDescriptor.aliasOf), and not told here.

/// Which tensors share stored bytes without being the same view of them.
package struct SharedStorage {
  /// By the position of a tensor the position of the first of those that it shares its storage with.
  package private(set) var owners: [Int: Int] = [:]
  /// By the position of a tensor that shares its storage, the bytes that none before it counts.
  package private(set) var ownByteCounts: [Int: Int] = [:]

  /// Finds tensors whose ranges of stored bytes overlap, and are too short for all of them.
  package init(_ tensors: some RandomAccessCollection<TensorDescriptor>) {
    guard Self.mayOverlap(tensors) else { return }
    var ranges = tensors.enumerated().compactMap { StoredRange($0.element, at: $0.offset) }
    ranges.sort()
    var start = 0
    var end = 0
    for position in ranges.indices {
      let range = ranges[position]
      if position > start, range.stream != ranges[start].stream || range.start >= end {
        close(ranges[start..<position], end)
        start = position
      }
      end = position == start ? range.end : max(end, range.end)
    }
    close(ranges[start...], end)
  }

  /// Values and bytes of a tensor that none before it counts.
  package func ownSize(of tensor: TensorDescriptor, at position: Int) -> (values: Int, bytes: Int) {
    let valueCount = tensor.shape.elementCount
    guard let own = ownByteCounts[position] else { return (valueCount, tensor.byteCount) }
    return (min(valueCount, own / max(1, tensor.dtype.bitWidth / 8)), own)
  }

  /// Whether ranges don't simply follow each other, as they do in nearly every file; there may be a million.
  private static func mayOverlap(_ tensors: some RandomAccessCollection<TensorDescriptor>) -> Bool {
    var last: StoredRange?
    for tensor in tensors {
      guard let range = StoredRange(tensor, at: 0) else { continue }
      if let last, range.stream == last.stream ? range.start < last.end : range.stream < last.stream {
        return true
      }
      last = range
    }
    return false
  }

  /// Counts ranges that overlap one after the other, up to the same end.
  private mutating func close(_ ranges: ArraySlice<StoredRange>, _ end: Int) {
    guard ranges.count > 1, let start = ranges.first?.start else { return }
    // Columns of a matrix lie between each other without sharing a byte.
    var room = end - start
    guard sum(ranges) > room else { return }
    var first: Int?
    for range in ranges.sorted(by: { $0.tensor < $1.tensor }) {
      if let first { owners[range.tensor] = first } else { first = range.tensor }
      let own = min(range.byteCount, room)
      ownByteCounts[range.tensor] = own
      room -= own
    }
  }

  private func sum(_ ranges: ArraySlice<StoredRange>) -> Int {
    ranges.reduce(0) { $0.checkedAdd($1.byteCount) ?? .max }
  }
}

/// What a tensor's elements take of stored bytes.
private struct StoredRange: Comparable {
  /// A file, or a compressed stream in it.
  struct Stream: Comparable {
    let file: Int
    let offset: Int

    static func < (left: Stream, right: Stream) -> Bool {
      (left.file, left.offset) < (right.file, right.offset)
    }
  }

  let stream: Stream
  let start: Int
  let end: Int
  let tensor: Int
  let byteCount: Int

  /// `nil` for aliases, for what is quantized or in pieces, and for what has no bytes.
  init?(_ descriptor: TensorDescriptor, at tensor: Int) {
    let storage = descriptor.storage
    guard descriptor.aliasOf == nil, !descriptor.isQuantized, case .one(let segment) = storage.segments
    else { return nil }
    (self.tensor, byteCount) = (tensor, descriptor.byteCount)
    guard byteCount > 0 else { return nil }
    let base: Int
    switch storage.codec {
    case .raw: (stream, base) = (Stream(file: segment.file, offset: -1), segment.offset)
    case .deflate: (stream, base) = (Stream(file: segment.file, offset: segment.offset), 0)
    }
    let range: Range<Int>?
    switch storage.layout {
    case .rowMajor, .columnMajor: range = base.checkedAdd(byteCount).map { base..<$0 }
    case .strided(let offset, let strides):
      range = Self.span(descriptor.shape, offset, strides, byteWidth: descriptor.dtype.bitWidth / 8, base)
    case .boxes, .joined: range = nil
    }
    guard let range else { return nil }
    (start, end) = (range.lowerBound, range.upperBound)
  }

  /// From the first to the last byte of elements with strides; `nil` when a number overflows.
  private static func span(
    _ shape: Shape, _ offset: Int, _ strides: [Int], byteWidth: Int, _ base: Int
  ) -> Range<Int>? {
    var (first, last) = (offset, offset)
    for (size, stride) in zip(shape.dimensions, strides) {
      guard let steps = (size - 1).checkedMultiply(stride), let low = first.checkedAdd(min(0, steps)),
        let high = last.checkedAdd(max(0, steps))
      else { return nil }
      (first, last) = (low, high)
    }
    guard let start = first.checkedMultiply(byteWidth)?.checkedAdd(base),
      let end = last.checkedAdd(1)?.checkedMultiply(byteWidth)?.checkedAdd(base), start < end
    else { return nil }
    return start..<end
  }

  static func < (left: StoredRange, right: StoredRange) -> Bool {
    (left.stream, left.start, left.tensor) < (right.stream, right.start, right.tensor)
  }
}
