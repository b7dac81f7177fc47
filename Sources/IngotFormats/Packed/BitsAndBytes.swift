// SPDX-License-Identifier: Apache-2.0
// bitsandbytes' 4-bit weights: codes of the flattened weight, the upper half of a byte first, looked up in the file's own
// table; an absolute maximum for each block, itself quantized where the weight is nested. Its 8-bit ones are
// ScaleTensors' to know.
// - SeeAlso: `bitsandbytes-foundation/bitsandbytes: bitsandbytes/functional.py`, `QuantState`.
import IngotBytes
import IngotCore
import IngotEncodings

extension PackedScheme {
  static let bitsandbytes = PackedScheme(
    id: "bitsandbytes",
    anchors: [".weight.quant_state.bitsandbytes__nf4", ".weight.quant_state.bitsandbytes__fp4"],
    codes: ".weight",
    companions: [
      ".weight.absmax", ".weight.quant_map", ".weight.nested_absmax", ".weight.nested_quant_map",
    ]
  ) { (group) throws(PackedFault) in
    try group.config.require(["bitsandbytes"], for: "bitsandbytes")
    return try BitsAndBytes(group).weight()
  }
}

extension PackedScheme {
  /// Weights of eight bits of layers that have inputs first where they are not quantized: transformers turns them.
  static let bitsandbytesTurned = PackedScheme(
    id: "bitsandbytes", anchors: [".SCB"], codes: ".weight", companions: [".weight_format"]
  ) { (group) throws(PackedFault) in
    guard group.codesTensor.dtype == .i8, group.codesTensor.shape.rank == 2, try group.hasInputsFirst() else {
      return nil
    }
    try group.config.require(["bitsandbytes"], for: "bitsandbytes")
    let size = try group.dimensions(2)
    try group.require(group.anchor, [.f32])
    try group.require(group.anchor, [size[0]])
    let format = group.find(".weight_format")
    if let format, group.wantsValues, try group.bytes(format).contains(where: { $0 != 0 }) {
      throw .unknown("\(group.tensors[format].name) tells of another order of values than rows")
    }
    return PackedWeight(
      name: group.stem + ".weight", shape: try group.shape(size.reversed()), scheme: "LLM.int8()",
      parts: [group.codes, group.anchor], others: format.map { [$0] } ?? [],
      values: .transposed(
        .scaled(
          .part(0), scales: .part(1), zeroPoints: nil,
          Quantization(granularity: .perChannel(axis: 0), scaleKind: .absmax))))
  }
}

/// A weight of four bits.
private struct BitsAndBytes {
  let group: PackedGroup
  let state: Metadata
  let shape: Shape
  let blockSize: Int

  init(_ group: PackedGroup) throws(PackedFault) {
    self.group = group
    try group.require(group.anchor, [.u8])
    let name = group.tensors[group.anchor].name
    // Some hundred bytes in every file that there is.
    guard group.tensors[group.anchor].byteCount <= 1 << 16 else {
      throw .broken(
        .state, tensor: name, found: "\(group.tensors[group.anchor].byteCount, "byte")", expected: "some JSON"
      )
    }
    let bytes = try group.bytes(group.anchor)
    do throws(JSONFailure) {
      state = try JSONDocument.object(bytes)
    } catch {
      throw .broken(.state, tensor: name, found: error.found, expected: error.expected)
    }
    guard let blockSize = state["blocksize"]?.integer, blockSize > 0, case .array(let sizes)? = state["shape"]
    else {
      throw .broken(.state, tensor: name, found: "no blocksize and shape", expected: "both")
    }
    self.blockSize = blockSize
    var dimensions: [Int] = []
    for size in sizes {
      guard let size = size.integer, size >= 0 else {
        throw .broken(.state, tensor: name, found: "a shape that is none", expected: "dimensions")
      }
      dimensions.append(size)
    }
    shape = try group.shape(dimensions)
    guard group.codesTensor.byteCount == shape.elementCount.dividedUp(by: 2),
      group.codesTensor.blockType == nil
    else {
      throw .broken(
        .shape, tensor: group.codesTensor.name, found: "\(group.codesTensor.byteCount, "byte")",
        expected: "half a byte for each of \(shape) values")
    }
  }

  func weight() throws(PackedFault) -> PackedWeight {
    let kind = group.anchorSuffix.hasSuffix("nf4") ? "NF4" : "FP4"
    let (absmax, map) = (try group.require(".weight.absmax"), try group.require(".weight.quant_map"))
    let nested = try nestedParts(absmax)
    let count = shape.elementCount.dividedUp(by: blockSize)
    guard group.tensors[absmax].shape.elementCount == count else {
      throw .broken(
        .shape, tensor: group.tensors[absmax].name, found: "\(group.tensors[absmax].shape)",
        expected: "\(count, "maximum", "maxima")")
    }
    let isTurned = shape.rank == 2 ? try group.hasInputsFirst() : false
    var values: PackedValues?
    if group.wantsValues {
      let flat = try group.shape([shape.elementCount])
      let codes = PackedValues.codes(
        part: 0, CodeLayout(bits: 4, lanes: [1, 0], table: try table(map, 16)), flat)
      let numbers = PackedValues.reshaped(
        .scaled(
          codes, scales: try scales(nested, count), zeroPoints: nil,
          Quantization(granularity: .perBlock([blockSize]))), shape)
      values = isTurned ? .transposed(numbers) : numbers
    }
    return PackedWeight(
      name: group.stem + ".weight", shape: isTurned ? try group.shape(shape.dimensions.reversed()) : shape,
      scheme: nested == nil ? kind : "\(kind), nested",
      parts: [group.codes, absmax] + (nested.map { [$0.absmax] } ?? []),
      others: [map, group.anchor] + (nested.map { [$0.map] } ?? []), values: values)
  }

  /// The parts that scales are made of where they are quantized themselves.
  private func nestedParts(_ absmax: Int) throws(PackedFault) -> (
    absmax: Int, map: Int, size: Int, offset: Float
  )? {
    guard group.tensors[absmax].dtype == .u8 else {
      try group.require(absmax, [.f32])
      return nil
    }
    let nested = (try group.require(".weight.nested_absmax"), try group.require(".weight.nested_quant_map"))
    try group.require(nested.0, [.f32])
    guard let size = state["nested_blocksize"]?.integer, size > 0,
      let offset = state["nested_offset"]?.real, offset.isFinite
    else {
      throw .broken(
        .state, tensor: group.tensors[group.anchor].name, found: "no nested_blocksize and nested_offset",
        expected: "both, for maxima of U8")
    }
    return (nested.0, nested.1, size, Float(offset))
  }

  private func scales(
    _ nested: (absmax: Int, map: Int, size: Int, offset: Float)?, _ count: Int
  ) throws(PackedFault) -> PackedValues {
    guard let nested else { return count == 0 ? .part(1) : .reshaped(.part(1), try group.shape([count])) }
    let outer = count.dividedUp(by: nested.size)
    guard group.tensors[nested.absmax].shape.elementCount == outer else {
      throw .broken(
        .shape, tensor: group.tensors[nested.absmax].name, found: "\(group.tensors[nested.absmax].shape)",
        expected: "\(outer, "maximum", "maxima")")
    }
    let layout = CodeLayout(bits: 8, table: try table(nested.map, 256))
    return .shifted(
      .scaled(
        .codes(part: 1, layout, try group.shape([count])), scales: .part(2), zeroPoints: nil,
        Quantization(granularity: .perBlock([nested.size]))), by: nested.offset)
  }

  /// What codes stand for: the file's own list.
  private func table(_ index: Int, _ count: Int) throws(PackedFault) -> [Float] {
    try group.require(index, [.f32])
    try group.require(index, [count])
    return [Float](littleEndian: try group.bytes(index))
  }
}
