// SPDX-License-Identifier: Apache-2.0
// AWQ: codes along the rows of a matrix [in, out], eight in a word in an order of their own, a scale and a zero point for
// each group of inputs and each output. The layout called gemm; others are refused.
// - SeeAlso: `casper-hansen/AutoAWQ: awq/modules/linear/gemm.py`, `awq/utils/packing_utils.py`.
import IngotCore

extension PackedScheme {
  static let awq = PackedScheme(
    id: "AWQ", anchors: [".qweight"], companions: [".qzeros", ".scales"]
  ) { (group) throws(PackedFault) in
    /// Where the codes of eight columns stand in a word.
    let lanes = [0, 4, 1, 5, 2, 6, 3, 7]
    let size = try group.dimensions(2)
    let (scales, zeros) = (try group.require(".scales"), try group.require(".qzeros"))
    let grid = group.tensors[scales].shape.dimensions
    try group.config.require(["awq"], for: "AWQ")
    if let version = group.config.object?.string("version"), version.lowercased() != "gemm" {
      throw .unknown("AWQ in the layout \(version) is not read")
    }
    let bits = group.config.integer("bits") ?? group.config.integer("w_bit") ?? 4
    guard bits == 4 else { throw .unknown("AWQ of \(bits, "bit") is not read") }
    try group.require(group.codes, [.i32, .u32])
    try group.require(zeros, [.i32, .u32])
    try group.require(scales, [.f16, .bf16, .f32])
    let (inputs, outputs) = (size[0], try group.product(size[1], 8))
    guard grid.count == 2, grid[1] == outputs, grid[0] > 0 else {
      throw .broken(
        .shape, tensor: group.tensors[scales].name, found: "\(group.tensors[scales].shape)",
        expected: "a row of \(outputs, "scale") for each group")
    }
    let declared = group.config.integer("group_size") ?? group.config.integer("q_group_size")
    let groupSize = declared.map { $0 > 0 ? $0 : inputs } ?? inputs.dividedUp(by: grid[0])
    guard inputs.dividedUp(by: groupSize) == grid[0] else {
      throw .broken(
        .shape, tensor: group.tensors[scales].name, found: "scales of \(grid[0], "group")",
        expected: "those of \(inputs, "input") in groups of \(groupSize)")
    }
    try group.require(zeros, [grid[0], size[1]])
    let layout = CodeLayout(integersOf: 4, lanes: lanes)
    return PackedWeight(
      name: group.stem + ".weight", shape: try group.shape([outputs, inputs]), scheme: "AWQ 4-bit",
      parts: [group.codes, scales, zeros],
      values: .transposed(
        .scaled(
          .codes(part: 0, layout, try group.shape([inputs, outputs])), scales: .part(1),
          zeroPoints: .codes(part: 2, layout, try group.shape([grid[0], outputs])),
          Quantization(granularity: .perBlock([groupSize, 1])))))
  }
}
