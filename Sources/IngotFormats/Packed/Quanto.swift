// SPDX-License-Identifier: Apache-2.0
// quanto's weights of eight bits, integers or floats: values and scales below the weight's name. Those of fewer bits are
// refused: no file says what shape they have.
// - SeeAlso: `huggingface/optimum-quanto: optimum/quanto/tensor/qbytes.py`, `tensor/packed.py`.
import IngotCore

extension PackedScheme {
  static let quanto = PackedScheme(
    id: "quanto", anchors: [".weight._data"], companions: [".weight._scale"],
    activations: [".input_scale", ".output_scale"]
  ) { (group) throws(PackedFault) in
    let scales = try group.require(".weight._scale")
    let tensor = group.codesTensor
    try group.config.require(["quanto"], for: "quanto")
    try group.require(group.codes, [.i8, .f8E4M3, .f8E5M2])
    try group.require(scales, [.f16, .bf16, .f32])
    let grid = group.tensors[scales].shape
    var block = tensor.shape.dimensions
    if grid.elementCount != 1 {
      guard grid.rank == block.count, zip(grid.dimensions, block).allSatisfy({ $0 == 1 || $0 == $1 }),
        grid.dimensions.count(where: { $0 != 1 }) == 1
      else {
        throw .broken(
          .shape, tensor: group.tensors[scales].name, found: "\(grid)",
          expected: "one scale, or one for each index of a dimension of \(tensor.shape)")
      }
      block = zip(grid.dimensions, block).map { $0 == 1 ? $1 : 1 }
    }
    return PackedWeight(
      name: group.stem + ".weight", shape: try group.shape(tensor.shape.dimensions),
      scheme: "quanto \(tensor.dtype.rawValue)", parts: [group.codes, scales],
      values: .scaled(
        .part(0), scales: .part(1), zeroPoints: nil,
        Quantization(granularity: .perBlock(block.map { max(1, $0) }))))
  }
}
