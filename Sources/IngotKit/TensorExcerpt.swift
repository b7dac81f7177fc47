// SPDX-License-Identifier: Apache-2.0
// The values of a part of a tensor, read as they are asked for: nothing beside them, and never more at a time than is wanted.
import IngotBytes
import IngotCore
import IngotKernels
import IngotTransforms

/// A part of a tensor whose values can be read.
public final class TensorExcerpt {
  /// The tensor's name.
  public let name: String
  /// Which part of it.
  public let slice: TensorSlice
  /// The name of the type that the tensor is stored as: a dtype's, or a block type's.
  public let typeName: String
  /// The dtype of the values: of blocks, and of values with scales, what they stand for.
  public let dtype: DType
  /// The dimensions of the part.
  public var shape: Shape { view.shape }

  private let view: TensorSlice.View
  private let files: SourceFiles
  private let part: LazyPart
  private let scratchFolder: String
  private let width: Int
  private var opened: AnyOffsetReader?
  private var window = (start: 0, bytes: [UInt8]())

  /// Bytes that are read at once where elements stand apart.
  private static let windowByteCount = 1 << 18
  /// Bytes that are read at the least: a page costs no more than a number.
  private static let leastByteCount = 4096

  /// Describes a part; nothing is read yet.
  init(
    _ tensor: TensorDescriptor, _ slice: TensorSlice, _ files: SourceFiles, work: WorkOptions
  ) throws(IngotError) {
    guard let part = tensor.values else { throw tensor.notShown }
    guard let width = part.dtype.byteWidth, Elements.hasValues(part.dtype) else { throw tensor.notShown }
    name = tensor.name
    self.slice = slice
    typeName = tensor.typeName
    dtype = part.dtype
    self.width = width
    view = try slice.view(of: part.shape)
    self.files = files
    self.part = part
    scratchFolder = work.scratchFolder
  }

  /// Opens the tensor, unless it is open; a checksum that the container has of it is checked.
  ///
  /// - Throws: read errors, and those of a checksum that does not hold.
  public func open() throws(IngotError) { _ = try reader() }

  private func reader() throws(IngotError) -> AnyOffsetReader {
    if let opened { return opened }
    let source = try part.open(files: files, scratchFolder: scratchFolder)
    try source.finish()
    let reader = AnyOffsetReader(source)
    opened = reader
    return reader
  }

  /// Values that follow one another in the last dimension.
  ///
  /// - Parameters:
  ///   - place: an index of each dimension of the part but the last; of a scalar none.
  ///   - columns: the indexes of the last dimension; of a scalar `0..<1`.
  /// - Returns: the values.
  /// - Throws: read errors; ``IngotCore/IngotError/internal(_:)`` for indexes outside of the part.
  public func values(at place: [Int], columns: Range<Int>) throws(IngotError) -> [ElementValue] {
    let dimensions = shape.dimensions
    guard place.count == max(0, dimensions.count - 1), columns.lowerBound >= 0,
      columns.upperBound <= dimensions.last ?? 1,
      zip(place, dimensions).allSatisfy({ (0..<$1).contains($0) })
    else { throw .internal("values outside of their part") }
    guard !columns.isEmpty else { return [] }
    let start = view.offset + zip(place, view.strides).reduce(0) { $0 + $1.0 * $1.1 }
    let step = view.strides.last ?? 0
    var values: [ElementValue] = []
    var column = columns.lowerBound
    while column < columns.upperBound {
      if Process.isInterrupted { throw .interrupted }
      let fitting = max(1, Self.windowByteCount / width / max(1, step.magnitudeAsInt))
      let count = min(fitting, columns.upperBound - column)
      values += try elements(from: start + column * step, count: count, step: step)
      column += count
    }
    return values
  }

  /// Elements at equal distances, no farther from one another than a window is long.
  private func elements(from first: Int, count: Int, step: Int) throws(IngotError) -> [ElementValue] {
    let last = first + (count - 1) * step
    let (low, high) = (min(first, last), max(first, last))
    let bytes = try bytes(in: (low * width)..<((high + 1) * width))
    var picked: [UInt8] = []
    if step == 1 {
      picked = Array(bytes)
    } else {
      picked.reserveCapacity(count * width)
      for index in 0..<count {
        let start = bytes.startIndex + (first + index * step - low) * width
        picked += bytes[start..<(start + width)]
      }
    }
    let type = try reader().source.elementType
    guard let values = picked.withUnsafeBytes({ Elements($0, type).values() }) else {
      throw .internal("elements without values")
    }
    return values
  }

  /// Canonical bytes of the tensor; what was read last is kept, since neighbours are asked for next.
  private func bytes(in range: Range<Int>) throws(IngotError) -> ArraySlice<UInt8> {
    let kept = window.start..<(window.start + window.bytes.count)
    if kept.lowerBound > range.lowerBound || kept.upperBound < range.upperBound {
      let reader = try reader()
      let end = min(reader.source.byteCount, max(range.upperBound, range.lowerBound + Self.leastByteCount))
      var bytes = [UInt8](repeating: 0, count: end - range.lowerBound)
      try bytes.withMutableBytes { (target) throws(IngotError) in
        try reader.read(bytesAt: range.lowerBound, into: target)
      }
      window = (range.lowerBound, bytes)
    }
    let start = range.lowerBound - window.start
    return window.bytes[start..<(start + range.count)]
  }

  /// Throws when a file changed while it was read.
  public func checkUnchanged() throws(IngotError) { try files.checkUnchanged() }
}

extension Int {
  /// The magnitude; the largest number for the least.
  fileprivate var magnitudeAsInt: Int { Int(clamping: magnitude) }
}

extension TensorDescriptor {
  /// The error of one whose elements have no values that are known here.
  fileprivate var notShown: IngotError {
    .unsuitable(
      Location(name), why: "is \(words: typeName), whose elements are not known as numbers here", hint: nil)
  }
}
