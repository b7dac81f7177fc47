// SPDX-License-Identifier: Apache-2.0
// GPTQ: codes down the columns of a matrix [in, out], a scale and a zero point for each group of inputs and each output,
// groups in order or by number (`desc_act`).
// - SeeAlso: `AutoGPTQ/AutoGPTQ: auto_gptq/nn_modules/qlinear`; `ModelCloud/GPTQModel: gptqmodel/utils/model.py`.
import IngotCore

extension PackedScheme {
  static let gptq = PackedScheme(
    id: "GPTQ", anchors: [".qweight"], companions: [".qzeros", ".g_idx", ".scales"]
  ) { (group) throws(PackedFault) in try GPTQ(group)?.weight() }
}

/// A weight of GPTQ.
private struct GPTQ {
  let group: PackedGroup
  let zeros: Int
  let scales: Int
  let bits: Int
  let inputs: Int
  let outputs: Int
  /// Groups of inputs, and the inputs of one where they stand in order.
  let groupCount: Int
  let groupSize: Int

  /// - Returns: `nil` for codes of another scheme.
  init?(_ group: PackedGroup) throws(PackedFault) {
    guard let scales = group.find(".scales"), group.tensors[scales].shape.rank == 2 else {
      _ = try group.require(".scales")
      throw .broken(
        .shape, tensor: group.stem + ".scales", found: "another rank", expected: "2 dimensions")
    }
    let size = try group.dimensions(2)
    let grid = group.tensors[scales].shape.dimensions
    // AWQ packs along outputs, so that the columns of the codes are fewer.
    guard size[1] == grid[1] || group.config.method == "gptq" else { return nil }
    try group.config.require(["gptq"], for: "GPTQ")
    if let format = group.config.object?.string("checkpoint_format"), !["gptq", "gptq_v2"].contains(format) {
      throw .unknown("GPTQ in the format \(format) is not read")
    }
    zeros = try group.require(".qzeros")
    try group.require(group.codes, [.i32, .u32])
    try group.require(zeros, [.i32, .u32])
    try group.require(scales, [.f16, .bf16, .f32])
    (outputs, groupCount) = (size[1], grid[0])
    try group.require(scales, [groupCount, outputs])
    let zeroBits = try group.product(group.tensors[zeros].shape.dimensions.last ?? 0, 32)
    bits = zeroBits / outputs
    guard [2, 3, 4, 8].contains(bits), zeroBits % outputs == 0 else {
      throw .broken(
        .shape, tensor: group.tensors[zeros].name, found: "\(group.tensors[zeros].shape)",
        expected: "codes of 2, 3, 4 or 8 bits for \(outputs, "output")")
    }
    try group.require(zeros, [groupCount, zeroBits / 32])
    if let declared = group.config.integer("bits"), declared != bits, group.config.object?["dynamic"] == nil {
      throw .broken(
        .config, tensor: group.codesTensor.name, found: "codes of \(bits, "bit")",
        expected: "\(declared, "bit"), as its config says")
    }
    let codeBits = try group.product(size[0], 32)
    let inputs = codeBits / bits
    let declared = group.config.integer("group_size").map { $0 > 0 ? $0 : inputs }
    groupSize = declared ?? max(1, inputs.dividedUp(by: max(1, groupCount)))
    guard codeBits % bits == 0, groupCount > 0,
      inputs.dividedUp(by: groupSize) == groupCount || group.config.object?["dynamic"] != nil
    else {
      throw .broken(
        .shape, tensor: group.tensors[scales].name, found: "scales of \(groupCount, "group")",
        expected: "those of \(inputs, "input") in groups of \(groupSize)")
    }
    (self.group, self.scales, self.inputs) = (group, scales, inputs)
  }

  func weight() throws(PackedFault) -> PackedWeight {
    let isReordered = group.config.bool("desc_act") == true && groupCount > 1
    let order = isReordered ? try group.require(".g_idx") : group.find(".g_idx")
    if let order {
      try group.require(order, [.i32, .i64])
      try group.require(order, [inputs])
    }
    let shape = try group.shape(try group.hasInputsFirst() ? [inputs, outputs] : [outputs, inputs])
    var weight = PackedWeight(
      name: group.stem + ".weight", shape: shape, scheme: "GPTQ \(bits)-bit",
      parts: [group.codes, scales, zeros], others: order.map { [$0] } ?? [],
      values: group.wantsValues ? try values(order) : nil)
    if group.wantsValues, try zeroOffset() == 0, !declaresOffsetZeros {
      weight.note = "zero points are those of GPTQ's second format, which its config does not say"
    }
    return weight
  }

  private var declaresOffsetZeros: Bool { group.config.object?.string("checkpoint_format") == "gptq_v2" }

  private func values(_ order: Int?) throws(PackedFault) -> PackedValues {
    let codes = PackedValues.codes(
      part: 0, CodeLayout(integersOf: bits, runsDown: true), try group.shape([inputs, outputs]))
    var scale = PackedValues.part(1)
    var zero = PackedValues.codes(
      part: 2, CodeLayout(integersOf: bits, from: try zeroOffset()), try group.shape([groupCount, outputs]))
    var block = [groupSize, 1]
    if let order,
      let numbers = try group.groupNumbers(order, below: groupCount, unlessInRunsOf: groupSize)
    {
      scale = .gathered(scale, indexes: numbers, axis: 0)
      zero = .gathered(zero, indexes: numbers, axis: 0)
      block = [1, 1]
    }
    let numbers = PackedValues.scaled(
      codes, scales: scale, zeroPoints: zero, Quantization(granularity: .perBlock(block)))
    return try group.hasInputsFirst() ? numbers : .transposed(numbers)
  }

  /// What is added to the codes of zero points: 1 in the first format, 0 in the second.
  ///
  /// Files of the second that call themselves the first are told by symmetric ones, whose zero points are all half of the
  /// range.
  private func zeroOffset() throws(PackedFault) -> Int {
    if declaresOffsetZeros { return 0 }
    guard group.config.bool("sym") != false, bits != 3 else { return 1 }
    let half = UInt8((0..<(8 / bits)).reduce(0) { $0 | (1 << (bits - 1)) << ($1 * bits) })
    return try group.bytes(zeros).allSatisfy { $0 == half } ? 0 : 1
  }
}
