// SPDX-License-Identifier: Apache-2.0
// Where the runs of an `.ingot` file's data stand: each at the end of the one before, aligned up. And the fields of
// the index that say so. Page: formats/ingot.md, "Data".
import IngotBytes
import IngotCore

/// The place of the next run.
struct IngotFilePlacement {
  /// Where it starts.
  private(set) var next: Int
  /// Where the data ends.
  let tailOffset: Int

  /// Starts behind the index.
  init(after indexEnd: Int, tailOffset: Int) {
    next = Self.alignUp(indexEnd)
    self.tailOffset = tailOffset
  }

  /// The least multiple of 64 that is not below; Int's largest value when there is none.
  static func alignUp(_ offset: Int) -> Int {
    offset.checkedAlignUp(to: IngotFileLayout.alignment) ?? Int.max
  }

  /// Goes on behind a run; `false` when that would be behind the data's end.
  mutating func advance(by byteCount: Int) -> Bool {
    guard let end = next.checkedAdd(byteCount), end <= tailOffset else { return false }
    next = Self.alignUp(end)
    return true
  }
}

extension IngotFileDecoder {
  /// Takes the part of a plain tensor: IN-10, IN-12, IN-13 and IN-16 to IN-19.
  ///
  /// - Returns: its element type, F32 for blocks, and its shape, of values; the part, of bytes for blocks.
  mutating func plainPart(
    _ placement: inout IngotFilePlacement
  ) throws(IngotError) -> (dtype: DType, shape: Shape, part: StoredPart) {
    var ahead = self
    guard let blockType = IngotFileCode.blockType(try ahead.number(UInt8.self)) else {
      let part = try part(.values, &placement)
      return (part.dtype, part.shape, part)
    }
    self = ahead
    let (shape, shapeStart) = try shape()
    guard let bytes = blockType.byteShape(of: shape), shape.byteCount(of: .f32) != nil else {
      throw malformed(
        .shape, at: shapeStart, found: "\(words: blockType.rawValue) of \(shape)",
        expected: "rows of whole blocks of \(blockType.elementCount), fewer than 2^63 bytes")
    }
    let storage = try storage(byteCount: bytes.elementCount, &placement)
    return (
      .f32, shape,
      StoredPart(PartType(kind: .values, dtype: .u8, shape: bytes, blockType: blockType), storage)
    )
  }

  /// Takes a part's dtype, shape and range: IN-10, IN-12, IN-13 and IN-16 to IN-19.
  mutating func part(
    _ kind: PartKind, _ placement: inout IngotFilePlacement
  ) throws(IngotError) -> StoredPart {
    let start = offset
    let code = try number(UInt8.self)
    guard let dtype = IngotFileCode.dtype(code) else {
      throw malformed(
        .code, at: start, found: "dtype \(code)",
        expected: "1 to \(IngotFileCode.dtypes.count), or a block type")
    }
    let (shape, shapeStart) = try shape()
    guard let byteCount = shape.byteCount(of: dtype) else {
      throw malformed(
        .shape, at: shapeStart, found: "\(dtype) of \(shape)", expected: "whole bytes, fewer than 2^63")
    }
    let storage = try storage(byteCount: byteCount, &placement)
    return StoredPart(PartType(kind: kind, dtype: dtype, shape: shape), storage)
  }

  /// Takes rank and dimensions: IN-12.
  private mutating func shape() throws(IngotError) -> (Shape, start: Int) {
    let rank = Int(try number(UInt8.self))
    let start = offset
    var dimensions: [UInt64] = []
    dimensions.reserveCapacity(rank)
    for _ in 0..<rank { dimensions.append(try number(UInt64.self)) }
    guard let shape = Shape(dimensions) else {
      throw malformed(.shape, at: start, found: "more than 2^63 - 1 elements", expected: "fewer")
    }
    return (shapes.shared(shape), start)
  }

  /// Takes the range of a part of known length.
  private mutating func storage(
    byteCount: Int, _ placement: inout IngotFilePlacement
  ) throws(IngotError) -> TensorStorage {
    let offset = try runOffset(placement)
    _ = try runByteCount(expected: byteCount, &placement)
    return TensorStorage(StorageSegment(file: 0, offset: offset, byteCount: byteCount))
  }

  /// Takes the numbers of rows: IN-08; one that is no number here is below any row.
  mutating func rows() throws(IngotError) -> [Int] {
    let count = try count(itemByteCount: MemoryLayout<UInt64>.size)
    var rows: [Int] = []
    rows.reserveCapacity(count)
    for _ in 0..<count { rows.append(Int(exactly: try number(UInt64.self)) ?? -1) }
    return rows
  }

  /// Takes the offset of a run: IN-16 to IN-18.
  mutating func runOffset(_ placement: IngotFilePlacement) throws(IngotError) -> Int {
    let start = offset
    let stored = try number(UInt64.self)
    guard stored % UInt64(IngotFileLayout.alignment) == 0 else {
      throw malformed(
        .alignment, at: start, found: "\(stored)", expected: "a multiple of \(IngotFileLayout.alignment)")
    }
    guard stored >= UInt64(placement.next) else {
      throw malformed(
        .overlap, at: start, found: "\(stored), inside what stands before", expected: "\(placement.next)")
    }
    guard stored == UInt64(placement.next) else {
      throw malformed(
        .hole, at: start, found: "\(stored), \(stored - UInt64(placement.next), "byte") too far",
        expected: "\(placement.next)")
    }
    return placement.next
  }

  /// Takes the byte count of a run: IN-13 and IN-19.
  mutating func runByteCount(expected: Int?, _ placement: inout IngotFilePlacement) throws(IngotError) -> Int
  {
    let start = offset
    let stored = try number(UInt64.self)
    if let expected, stored != UInt64(expected) {
      throw malformed(.byteCount, at: start, found: "\(stored, "byte")", expected: "\(expected)")
    }
    let room = placement.tailOffset - placement.next
    guard let byteCount = Int(exactly: stored), placement.advance(by: byteCount) else {
      throw malformed(
        .insideData, at: start, found: "\(stored, "byte")",
        expected: "at most \(max(0, room)) up to the data's end")
    }
    return byteCount
  }
}

/// The fields of a quantized tensor's scheme, before its parts are known.
struct IngotFileSchemeFields {
  private let granularity: IngotFileCode.Granularity
  private let scaleKind: Quantization.ScaleKind
  private let activations: Quantization.ActivationScheme
  private let axis: UInt32
  private let groupSize: UInt64
  /// Values, scales, and maybe zero points and kept rows.
  let partCount: Int

  /// Takes the fields.
  init(_ decoder: inout IngotFileDecoder) throws(IngotError) {
    let code = try decoder.code("the granularity", atMost: 2)
    granularity = IngotFileCode.Granularity(rawValue: UInt8(code)) ?? .tensor
    scaleKind =
      IngotFileCode.scaleKinds[
        try decoder.code("the scale kind", atMost: IngotFileCode.scaleKinds.count - 1)]
    activations =
      IngotFileCode.activations[
        try decoder.code("the activation scheme", atMost: IngotFileCode.activations.count - 1)]
    let start = decoder.offset
    partCount = Int(try decoder.number(UInt8.self))
    guard 2...IngotFileCode.partKinds.count ~= partCount else {
      throw decoder.malformed(
        .quantization, at: start, found: "\(partCount, "part")",
        expected: "2 to \(IngotFileCode.partKinds.count)")
    }
    axis = try decoder.number(UInt32.self)
    groupSize = try decoder.number(UInt64.self)
  }

  /// Whether a part whose kind has a code may stand behind so many parts, the last of a kind: values and scales first, the others
  /// in the order of their codes.
  func allows(_ code: Int, at place: Int, behind last: PartKind?) -> Bool {
    guard place > 1, let last = last.flatMap(IngotFileCode.partKinds.firstIndex(of:)) else {
      return code == place
    }
    return code > last
  }

  /// The scheme, when it fits its parts: IN-15.
  func scheme(
    values: StoredPart, parts: [StoredPart], keptRows: [Int], at start: Int, _ decoder: IngotFileDecoder
  ) throws(IngotError) -> Quantization {
    func misfit(_ found: Evidence, _ expected: Evidence) -> IngotError {
      decoder.malformed(.quantization, at: start, found: found, expected: expected)
    }
    guard let granularity = usedGranularity else {
      throw misfit(
        "axis \(axis) and group size \(groupSize)", "0 where the granularity has none, a group of at least 1")
    }
    let scheme = Quantization(
      granularity: granularity, scaleKind: scaleKind, activations: activations, keptRows: keptRows)
    if let fault = scheme.misfit(
      values: (values.dtype, values.shape), parts: parts.map { ($0.kind, $0.dtype, $0.shape) })
    {
      throw misfit(fault.found, fault.expected)
    }
    return scheme
  }

  /// The granularity with its numbers; `nil` when an unused one is not 0 or a group has no size.
  private var usedGranularity: Quantization.Granularity? {
    switch granularity {
    case .tensor: return axis == 0 && groupSize == 0 ? .perTensor : nil
    case .channel: return groupSize == 0 ? .perChannel(axis: Int(axis)) : nil
    case .group:
      guard groupSize > 0, let size = Int(exactly: groupSize) else { return nil }
      return .perGroup(axis: Int(axis), size: size)
    }
  }
}

extension Quantization {
  /// Why values and parts do not fit the scheme as IN-15 has it; `nil` when they do.
  func misfit(
    values: (dtype: DType, shape: Shape), parts: [(kind: PartKind, dtype: DType, shape: Shape)]
  ) -> (found: Evidence, expected: Evidence)? {
    let isSmallNumber = values.dtype.bitWidth <= 8 && values.dtype.isRealNumber
    guard isSmallNumber else { return ("values of \(values.dtype)", "integers or floats of at most 8 bits") }
    guard let shape = scaleShape(of: values.shape) else {
      return ("values of \(values.shape)", "a shape that the axis and the granularity fit")
    }
    for part in parts where part.kind != .keptRows {
      guard part.shape == shape else {
        return ("\(words: part.kind.rawValue) of \(part.shape)", "\(shape)")
      }
      let isFitting = part.kind == .scales ? part.dtype.isFloating : part.dtype.isInteger
      guard isFitting else {
        return ("\(words: part.kind.rawValue) of \(part.dtype)", "float scales, integer zero points")
      }
    }
    return keptMisfit(values: values.shape, parts.first { $0.kind == .keptRows })
  }

  /// Why rows that are kept do not fit the scheme; `nil` when they do, and where neither has any.
  private func keptMisfit(
    values: Shape, _ part: (kind: PartKind, dtype: DType, shape: Shape)?
  ) -> (found: Evidence, expected: Evidence)? {
    guard let part else {
      return keptRows.isEmpty ? nil : ("rows that are kept, without a part of them", "that part")
    }
    guard let shape = keptShape(of: values) else { return Self.keptFault(of: values) }
    guard part.shape == shape, Self.keptTypes.contains(part.dtype) else {
      return ("kept rows, \(part.dtype) of \(part.shape)", "F16, BF16 or F32 of \(shape)")
    }
    return nil
  }
}

extension DType {
  /// Whether the dtype holds integers, signed or not.
  fileprivate var isInteger: Bool { family == .signedInteger || family == .unsignedInteger }

  /// Whether the dtype holds integers or real floating-point numbers.
  fileprivate var isRealNumber: Bool { isInteger || isFloating }
}
