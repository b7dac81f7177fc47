// SPDX-License-Identifier: Apache-2.0
// Slices of a partitioned variable: what they cover, the keys of their entries, and how together they are the variable.
// Page: formats/tensorflow-bundle.md.
import IngotCore
import IngotEncodings

/// A slice of a tensor: a range in every dimension.
struct TensorBundleSlice: Hashable {
  /// A range of one dimension; without a length all of it.
  struct Extent: Hashable {
    var start = 0
    var length: Int?
  }

  /// The ranges, outermost first.
  private(set) var extents: [Extent] = []

  /// Parses a `TensorSliceProto`.
  init(_ message: ProtobufReader) throws(IngotError) {
    var message = message
    while let field = try message.next() {
      guard field.number == 1 else { continue }
      var extent = Extent()
      var part = try field.message()
      while let field = try part.next() {
        switch field.number {
        case 1: extent.start = Int(try field.integer())
        case 2: extent.length = Int(try field.integer())
        default: break
        }
      }
      extents.append(extent)
    }
  }

  /// Whether each range lies in its dimension, and there is one for each.
  func fits(_ shape: Shape) -> Bool {
    extents.count == shape.rank
      && zip(extents, shape.dimensions).allSatisfy { extent, count in
        guard let length = extent.length else { return extent.start == 0 }
        guard extent.start >= 0, length >= 0, let end = extent.start.checkedAdd(length) else { return false }
        return end <= count
      }
  }

  /// The slice as a box; `nil` when it does not fit.
  func box(in shape: Shape) -> ElementBox? {
    guard fits(shape) else { return nil }
    let lengths = zip(extents, shape.dimensions).map { $0.length ?? $1 }
    return Shape(lengths).map { ElementBox(starts: extents.map(\.start), shape: $0) }
  }

  /// The key of the slice's own entry: `checkpoint::EncodeTensorNameSlice`.
  func key(of name: String) -> [UInt8] {
    var code = OrderedCode()
    code.put(number: 0)
    code.put(string: Array(name.utf8))
    code.put(number: UInt64(extents.count))
    for extent in extents {
      code.put(signed: Int64(extent.start))
      code.put(signed: extent.length.map(Int64.init) ?? -1)
    }
    return code.bytes
  }
}

/// TensorFlow's encoding of numbers and strings whose bytes sort as they do.
///
/// - SeeAlso: `tensorflow/tensorflow: tensorflow/core/lib/strings/ordered_code.cc`.
private struct OrderedCode {
  private(set) var bytes: [UInt8] = []

  /// Puts a number: how many bytes it needs, then those, the most significant first.
  mutating func put(number: UInt64) {
    let count = (64 - number.leadingZeroBitCount + 7) / 8
    bytes.append(UInt8(count))
    for place in (0..<count).reversed() {
      bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * place)))
    }
  }

  /// Puts a string: 0 as `00 FF`, 255 as `FF 00`, then the end as `00 01`.
  mutating func put(string: [UInt8]) {
    for byte in string {
      bytes.append(byte)
      if byte == 0 { bytes.append(0xFF) }
      if byte == 0xFF { bytes.append(0) }
    }
    bytes += [0, 1]
  }

  /// Puts a number that may be negative: n bytes hold 7n - 1 bits of two's complement; before those stand n bits equal
  /// to the sign's, the sign itself turned, and one bit that ends them.
  mutating func put(signed number: Int64) {
    let magnitude = UInt64(bitPattern: number < 0 ? ~number : number)
    let bitCount = 64 - magnitude.leadingZeroBitCount
    let count = max(1, bitCount / 7 + 1)
    guard count > 1 else {
      bytes.append(UInt8(truncatingIfNeeded: number) ^ 0x80)
      return
    }
    // Ten bytes of two's complement, of which the last `count` are used.
    let sign: UInt8 = number < 0 ? 0xFF : 0
    var wide = [sign, sign]
    for place in (0..<8).reversed() { wide.append(UInt8(truncatingIfNeeded: number >> Int64(8 * place))) }
    var used = Array(wide.suffix(count))
    let header = Self.headers[count]
    used[0] ^= header.0
    used[1] ^= header.1
    bytes += used
  }

  /// The bits that say how many bytes there are, over the first two of them.
  private static let headers: [(UInt8, UInt8)] = [
    (0, 0), (0x80, 0), (0xC0, 0), (0xE0, 0), (0xF0, 0), (0xF8, 0), (0xFC, 0), (0xFE, 0), (0xFF, 0),
    (0xFF, 0x80),
    (0xFF, 0xC0),
  ]
}

/// Slices that together are a whole tensor.
struct TensorBundlePartition {
  /// The slices' positions, in the order of the elements.
  let order: [Int]
  /// How the elements of one segment a slice, in that order, make up the tensor.
  let layout: ElementLayout

  /// Puts slices together.
  ///
  /// - Parameters:
  ///   - slices: what the variable lists; each fits the shape.
  ///   - shape: the variable's.
  ///   - location: the variable.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with TF-10 for slices that leave a gap or share
  ///   elements, and ``IngotCore/IngotError/unsupported(_:at:)`` for ones cut along several dimensions.
  init(_ slices: [TensorBundleSlice], of shape: Shape, at location: Location) throws(IngotError) {
    let boxes = slices.compactMap { $0.box(in: shape) }
    let cut = shape.dimensions.indices.filter { axis in
      boxes.contains { $0.shape.dimensions[axis] != shape.dimensions[axis] }
    }
    guard cut.count <= 1 else {
      throw .unsupported("a variable cut along \(cut.count, "dimension")", at: location)
    }
    let axis = cut.first ?? 0
    func range(_ box: ElementBox) -> Range<Int> {
      guard axis < box.starts.count else { return 0..<1 }
      return box.starts[axis]..<(box.starts[axis] + box.shape.dimensions[axis])
    }
    let ranges = boxes.map(range)
    order = boxes.indices.sorted {
      (ranges[$0].lowerBound, ranges[$0].upperBound, $0) < (ranges[$1].lowerBound, ranges[$1].upperBound, $1)
    }
    var end = 0
    for index in order {
      guard ranges[index].lowerBound == end else {
        throw .malformed(
          TensorFlowRule.coverage.rule, at: location,
          found: "a slice from \(ranges[index].lowerBound) of dimension \(axis)", expected: "one from \(end)")
      }
      end = ranges[index].upperBound
    }
    let count = axis < shape.rank ? shape.dimensions[axis] : 1
    guard end == count else {
      throw .malformed(
        TensorFlowRule.coverage.rule, at: location, found: "slices up to \(end) of dimension \(axis)",
        expected: "up to \(count)")
    }
    let isSequence = shape.dimensions.prefix(axis).allSatisfy { $0 == 1 }
    layout = isSequence ? .rowMajor : .boxes(order.map { boxes[$0] })
  }
}
