// SPDX-License-Identifier: Apache-2.0
// MXFP4 as gpt-oss keeps its experts: 4-bit floats, the lower half of a byte first, a power of two for each 32 of them.
// The weight is the transpose of each expert's matrix, as transformers has it where it is not quantized.
// - SeeAlso: `huggingface/transformers: src/transformers/integrations/mxfp4.py`, `convert_moe_packed_tensors`.
import IngotCore

extension PackedScheme {
  static let mxfp4 = PackedScheme(
    id: "MXFP4", anchors: ["_blocks"], companions: ["_scales"]
  ) { (group) throws(PackedFault) in
    // `_blocks` alone may be anything.
    guard group.find("_scales") != nil || group.config.method == "mxfp4" else { return nil }
    let scales = try group.require("_scales")
    try group.config.require(["mxfp4"], for: "MXFP4")
    let size = try group.dimensions(4)
    try group.require(group.codes, [.u8])
    try group.require(scales, [.u8, .f8E8M0])
    guard size[3] == 16 else {
      throw .broken(
        .shape, tensor: group.codesTensor.name, found: "\(group.codesTensor.shape)",
        expected: "16 bytes a block")
    }
    try group.require(scales, Array(size.dropLast()))
    let width = try group.product(size[2], 32)
    let stored = try group.shape([size[0], size[1], width])
    let codes = PackedValues.codes(part: 0, CodeLayout(bits: 4, table: CodeLayout.fourBitFloats), stored)
    let powers = PackedValues.codes(
      part: 1, CodeLayout(bits: 8, table: CodeLayout.powersOfTwo), try group.shape(Array(size.dropLast())))
    return PackedWeight(
      name: group.stem, shape: try group.shape([size[0], width, size[1]]), scheme: "MXFP4",
      parts: [group.codes, scales],
      values: .transposed(
        .scaled(
          codes, scales: powers, zeroPoints: nil, Quantization(granularity: .perBlock([1, 1, 32])))))
  }
}
