// SPDX-License-Identifier: Apache-2.0
// Parses the messages of a bundle's index: its header, and what it says of one tensor. Bytes in, checked values out; no
// input or output. Page: formats/tensorflow-bundle.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// What a bundle's first entry says: `BundleHeaderProto`.
struct TensorBundleHeader {
  /// The version of bundles that TensorFlow writes, and the latest that it reads.
  static let version = 1

  /// The number of data files.
  let shardCount: Int
  /// The order of bytes in all of them.
  let byteOrder: ByteOrder

  /// Parses and checks a header: TF-02, TF-03.
  ///
  /// - Parameters:
  ///   - bytes: the message.
  ///   - location: the index's file.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with these rules and protobuf's,
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for a later version, and
  ///   ``IngotCore/IngotError/limitExceeded(_:at:asked:)`` for too many data files.
  init(_ bytes: ArraySlice<UInt8>, at location: Location) throws(IngotError) {
    var shardCount: Int64 = 0
    var order: Int64 = 0
    var reader = ProtobufReader(bytes, at: location)
    while let field = try reader.next() {
      switch field.number {
      case 1: shardCount = try field.integer()
      case 2: order = try field.integer()
      case 3: try Self.checkVersion(try field.message().repeating([3]), at: location)
      default: break
      }
    }
    guard let count = Int32(exactly: shardCount).map(Int.init), count > 0 else {
      throw .malformed(
        TensorFlowRule.shardCount.rule, at: location, found: "\(shardCount, "data file")",
        expected: "at least 1")
    }
    guard UInt64(count) <= Limit.shards.value else {
      throw .limitExceeded(.shards, at: location, asked: UInt64(count))
    }
    guard order == 0 || order == 1 else {
      throw .malformed(
        TensorFlowRule.byteOrder.rule, at: location, found: "byte order \(order)",
        expected: "0, little, or 1, big")
    }
    self.shardCount = count
    byteOrder = order == 0 ? .little : .big
  }

  private static func checkVersion(_ message: ProtobufReader, at location: Location) throws(IngotError) {
    var message = message
    while let field = try message.next() {
      guard field.number == 2 else { continue }
      let consumer = try field.integer()
      guard consumer > version else { continue }
      throw .unsupported(
        "a bundle for readers of version \(consumer) and later; this one knows version \(version)",
        at: location)
    }
  }
}

/// Where a stored tensor, or a slice of one, is.
struct TensorBundleRange: Hashable {
  var shard = 0
  var offset = 0
  var byteCount = 0
  /// CRC-32C of the bytes, unmasked.
  var crc32c: UInt32 = 0

  /// The range, with the shard's number in the place of the file's.
  var segment: StorageSegment { StorageSegment(file: shard, offset: offset, byteCount: byteCount) }
}

/// What the index says of one tensor, or of one slice: `BundleEntryProto`.
struct TensorBundleEntry {
  /// The most dimensions that TensorFlow gives a tensor: `TensorShape::MaxDimensions`.
  static let greatestRank = 254

  /// TensorFlow's number of the element type.
  let dtype: Int
  /// The dimensions.
  let shape: Shape
  /// Where the bytes are; of no meaning for a tensor that is stored in slices.
  let range: TensorBundleRange
  /// The slices that the tensor is stored in; none for one that is stored whole.
  let slices: [TensorBundleSlice]

  /// Parses and checks an entry: TF-05 to TF-09.
  ///
  /// - Parameters:
  ///   - bytes: the message.
  ///   - shardCount: the number of data files.
  ///   - location: the file and the tensor.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with these rules and protobuf's,
  ///   and ``IngotCore/IngotError/unsupported(_:at:)`` for elements that are not read.
  init(_ bytes: ArraySlice<UInt8>, shardCount: Int, at location: Location) throws(IngotError) {
    var fields = TensorBundleFields()
    var reader = ProtobufReader(bytes, at: location, repeatable: [7])
    while let field = try reader.next() { try fields.take(field) }

    guard fields.dtype > 0, let number = Int(exactly: fields.dtype) else {
      throw .malformed(
        TensorFlowRule.dtype.rule, at: location, found: "element type \(fields.dtype)",
        expected: "one above 0")
    }
    let isPlain = TensorFlowDType.dtype(of: number) != nil
    guard isPlain || number == TensorFlowDType.string || number == TensorFlowDType.variant else {
      throw .unsupported(TensorFlowDType.unreadName(of: number), at: location)
    }
    dtype = number
    shape = try fields.checkedShape(at: location)
    slices = fields.slices
    for slice in slices where !slice.fits(shape) {
      throw .malformed(
        TensorFlowRule.extents.rule, at: location, found: "a slice that its tensor of \(shape) has not",
        expected: "for each dimension a range in it")
    }
    range = try fields.checkedRange(shardCount: shardCount, hasSlices: !slices.isEmpty, at: location)
    try checkByteCount(at: location)
  }

  /// A tensor of numbers has the bytes of its elements: TF-08.
  private func checkByteCount(at location: Location) throws(IngotError) {
    guard let dtype = TensorFlowDType.dtype(of: dtype) else { return }
    guard let expected = shape.byteCount(of: dtype) else {
      throw .malformed(
        TensorFlowRule.shape.rule, at: location, found: "\(dtype) of \(shape)",
        expected: "fewer than 2^63 bytes")
    }
    guard slices.isEmpty, range.byteCount != expected else { return }
    throw .malformed(
      TensorFlowRule.byteCount.rule, at: location, found: "\(range.byteCount, "byte")",
      expected: "\(expected) for \(dtype) of \(shape)")
  }
}

/// The fields of an entry as they are read, not checked yet.
private struct TensorBundleFields {
  var dtype: Int64 = 0
  var dimensions: [Int64] = []
  var isRankUnknown = false
  var shard: Int64 = 0
  var offset: Int64 = 0
  var byteCount: Int64 = 0
  var crc32c: UInt32 = 0
  var slices: [TensorBundleSlice] = []

  mutating func take(_ field: ProtobufField) throws(IngotError) {
    switch field.number {
    case 1: dtype = try field.integer()
    case 2: try takeShape(try field.message().repeating([2]))
    case 3: shard = try field.integer()
    case 4: offset = try field.integer()
    case 5: byteCount = try field.integer()
    case 6: crc32c = try field.fixed32()
    case 7: slices.append(try TensorBundleSlice(try field.message().repeating([1])))
    default: break
    }
  }

  private mutating func takeShape(_ message: ProtobufReader) throws(IngotError) {
    var message = message
    while let field = try message.next() {
      switch field.number {
      case 2:
        var size: Int64 = 0
        var dimension = try field.message()
        while let field = try dimension.next() {
          if field.number == 1 { size = try field.integer() }
        }
        dimensions.append(size)
      case 3: isRankUnknown = try field.integer() != 0
      default: break
      }
    }
  }

  func checkedShape(at location: Location) throws(IngotError) -> Shape {
    guard !isRankUnknown, dimensions.count <= TensorBundleEntry.greatestRank, let shape = Shape(dimensions)
    else {
      throw .malformed(
        TensorFlowRule.shape.rule, at: location,
        found: isRankUnknown
          ? "an unknown number of dimensions" : "a shape of \(dimensions.count, "dimension")",
        expected: "at most \(TensorBundleEntry.greatestRank), none below 0, with fewer than 2^63 elements")
    }
    return shape
  }

  func checkedRange(
    shardCount: Int, hasSlices: Bool, at location: Location
  ) throws(IngotError) -> TensorBundleRange {
    guard !hasSlices else { return TensorBundleRange() }
    guard let shard = Int(exactly: shard), (0..<shardCount).contains(shard) else {
      throw .malformed(
        TensorFlowRule.shard.rule, at: location, found: "data file \(shard)",
        expected: "0 to \(shardCount - 1)")
    }
    guard offset >= 0, byteCount >= 0, let start = Int(exactly: offset), let count = Int(exactly: byteCount),
      start.checkedAdd(count) != nil
    else {
      throw .malformed(
        TensorFlowRule.byteCount.rule, at: location, found: "\(byteCount, "byte") at \(offset)",
        expected: "a range of a file")
    }
    return TensorBundleRange(
      shard: shard, offset: start, byteCount: count, crc32c: CRC32C.unmasked(crc32c))
  }
}
