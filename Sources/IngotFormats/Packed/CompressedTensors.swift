// SPDX-License-Identifier: Apache-2.0
// compressed-tensors, where it packs: integers of 1 to 8 bits along rows of words, and 4-bit floats, two in a byte, with
// scales of eight bits. ModelOpt keeps the latter under other names, with the reciprocal of the global scale.
// - SeeAlso: `vllm-project/compressed-tensors: compressors/pack_quantized`, `compressors/nvfp4`, `compressors/mxfp4`.
import IngotCore

extension PackedScheme {
  static let compressedIntegers = PackedScheme(
    id: "compressed-tensors", anchors: [".weight_packed"],
    companions: [".weight_scale", ".weight_zero_point", ".weight_g_idx", ".weight_shape"],
    activations: [".input_scale", ".input_zero_point", ".output_scale", ".input_global_scale"]
  ) { (group) throws(PackedFault) in
    guard group.codesTensor.dtype != .u8 else { return nil }
    return try CompressedIntegers(group).weight()
  }

  static let compressedFloats = PackedScheme(
    id: "compressed-tensors", anchors: [".weight_packed"],
    companions: [".weight_scale", ".weight_global_scale"],
    activations: [".input_scale", ".input_global_scale"]
  ) { (group) throws(PackedFault) in
    let scales = try group.require(".weight_scale")
    try group.config.require(["compressed-tensors"], for: "compressed-tensors")
    guard group.tensors[scales].dtype == .f8E4M3 else {
      return try group.fourBitFloats("MXFP4", blockSize: 32, scales: scales, global: nil)
    }
    let global = try group.require(".weight_global_scale")
    return try group.fourBitFloats("NVFP4", blockSize: 16, scales: scales, global: (global, .inverse))
  }

  static let modelOpt = PackedScheme(
    id: "ModelOpt", anchors: [".weight_scale_2"], codes: ".weight", companions: [".weight_scale"],
    activations: [".input_scale"]
  ) { (group) throws(PackedFault) in
    guard group.codesTensor.dtype == .u8 else { return nil }
    try group.config.require(["modelopt"], for: "NVFP4")
    let scales = try group.require(".weight_scale")
    return try group.fourBitFloats(
      "NVFP4", blockSize: 16, scales: scales, global: (try group.require(".weight_scale_2"), .direct))
  }
}

extension PackedGroup {
  /// 4-bit floats along rows, the lower half of a byte first, with a scale for each block.
  fileprivate func fourBitFloats(
    _ scheme: String, blockSize: Int, scales: Int, global: (index: Int, kind: Quantization.ScaleKind)?
  ) throws(PackedFault) -> PackedWeight {
    let size = try dimensions(2)
    try require(codes, [.u8])
    try require(scales, global == nil ? [.u8, .f8E8M0] : [.f8E4M3])
    let width = try product(size[1], 2)
    try require(scales, [size[0], width.dividedUp(by: blockSize)])
    let shape = try shape([size[0], width])
    var scale: PackedValues
    if let global {
      try require(global.index, [.f32])
      guard tensors[global.index].shape.elementCount == 1 else {
        throw .broken(
          .shape, tensor: tensors[global.index].name, found: "\(tensors[global.index].shape)",
          expected: "one scale")
      }
      scale = .scaled(
        .part(1), scales: .part(2), zeroPoints: nil,
        Quantization(granularity: .perTensor, scaleKind: global.kind))
    } else {
      scale = .codes(
        part: 1, CodeLayout(bits: 8, table: CodeLayout.powersOfTwo), tensors[scales].shape)
    }
    return PackedWeight(
      name: stem + ".weight", shape: shape, scheme: scheme,
      parts: [codes, scales] + (global.map { [$0.index] } ?? []),
      values: .scaled(
        .codes(part: 0, CodeLayout(bits: 4, table: CodeLayout.fourBitFloats), shape), scales: scale,
        zeroPoints: nil, Quantization(granularity: .perBlock([1, blockSize]))))
  }
}

/// A weight of packed integers.
private struct CompressedIntegers {
  let group: PackedGroup
  let scales: Int
  let declared: Int
  let bits: Int
  let outputs: Int
  let inputs: Int

  init(_ group: PackedGroup) throws(PackedFault) {
    try group.config.require(["compressed-tensors"], for: "compressed-tensors")
    let size = try group.dimensions(2)
    try group.require(group.codes, [.i32])
    scales = try group.require(".weight_scale")
    declared = try group.require(".weight_shape")
    try group.require(scales, [.f16, .bf16, .f32])
    try group.require(declared, [.i32, .i64])
    try group.require(declared, [2])
    let stated = try group.integers(declared).map { Int(exactly: $0) ?? 0 }
    guard stated.count == 2, stated[0] == size[0], stated[1] > 0 else {
      let text = stated.map(String.init).joined(separator: " × ")
      throw .broken(
        .shape, tensor: group.tensors[declared].name, found: "\(text)",
        expected: "\(size[0], "row") of at least 1 value, as the codes have")
    }
    (outputs, inputs) = (stated[0], stated[1])
    var fitting: [Int] = []
    for bits in 1...8 where try group.product(inputs, bits).dividedUp(by: 32) == size[1] {
      fitting.append(bits)
    }
    let told = group.config.weightBits
    guard let bits = told.first(where: { fitting.contains($0) }) ?? (told.isEmpty ? fitting.last : nil) else {
      throw .broken(
        .shape, tensor: group.codesTensor.name, found: "\(group.codesTensor.shape)",
        expected: "codes of \(inputs, "input") of the bits that the config says, without gaps")
    }
    self.bits = bits
    self.group = group
  }

  func weight() throws(PackedFault) -> PackedWeight {
    let grid = group.tensors[scales].shape.dimensions
    let isOne = group.tensors[scales].shape.elementCount == 1
    let columns = isOne ? 1 : grid.last ?? 1
    guard isOne || (grid.count == 2 && grid[0] == outputs && columns > 0 && columns <= inputs) else {
      throw .broken(
        .shape, tensor: group.tensors[scales].name, found: "\(group.tensors[scales].shape)",
        expected: "one scale, or a row of them for each of \(outputs, "row")")
    }
    let size = columns == 1 ? inputs : group.config.groupSizes.first { inputs.dividedUp(by: $0) == columns }
    guard let groupSize = size ?? (inputs % columns == 0 ? inputs / columns : nil) else {
      throw .broken(
        .shape, tensor: group.tensors[scales].name, found: "scales of \(columns, "group")",
        expected: "those of \(inputs, "input") in groups of one size")
    }
    let shape = try group.shape([outputs, inputs])
    let (zeros, order) = (group.find(".weight_zero_point"), group.find(".weight_g_idx"))
    let half = 1 << (bits - 1)
    var scale = PackedValues.part(1)
    var zero: PackedValues?
    if let zeros {
      if group.tensors[zeros].dtype == .i8 {
        try group.require(zeros, grid)
        zero = .part(2)
      } else {
        try group.require(zeros, [.i32])
        try group.require(zeros, [try group.product(outputs, bits).dividedUp(by: 32), columns])
        zero = .codes(
          part: 2, CodeLayout(integersOf: bits, from: -half, runsDown: true),
          try group.shape([outputs, columns]))
      }
    }
    var block = isOne ? [outputs, inputs] : [1, groupSize]
    if let order {
      try group.require(order, [.i32, .i64])
      try group.require(order, [inputs])
      if group.wantsValues, columns > 1, let numbers = try numbers(order, columns, groupSize) {
        scale = .gathered(scale, indexes: numbers, axis: 1)
        zero = zero.map { .gathered($0, indexes: numbers, axis: 1) }
        block = [1, 1]
      }
    }
    return PackedWeight(
      name: group.stem + ".weight", shape: shape, scheme: "packed int\(bits)",
      parts: [group.codes, scales] + (zeros.map { [$0] } ?? []),
      others: [declared] + (order.map { [$0] } ?? []),
      values: .scaled(
        .codes(part: 0, CodeLayout(integersOf: bits, from: -half), shape), scales: scale, zeroPoints: zero,
        Quantization(granularity: .perBlock(block))))
  }

  /// The groups of the inputs; `nil` when they stand in order, or nothing is said: all numbers are -1 then.
  private func numbers(_ order: Int, _ count: Int, _ size: Int) throws(PackedFault) -> [Int32]? {
    if try group.integers(order).allSatisfy({ $0 == -1 }) { return nil }
    return try group.groupNumbers(order, below: count, unlessInRunsOf: size)
  }
}

extension PackedConfig {
  /// Bits of weights, of each group of the config.
  fileprivate var weightBits: [Int] { weightSettings.compactMap { $0["num_bits"]?.integer } }

  /// Inputs that share a scale, of each group of the config that says so.
  fileprivate var groupSizes: [Int] {
    weightSettings.compactMap { $0["group_size"]?.integer }.filter { $0 > 0 }
  }

  private var weightSettings: [Metadata] {
    guard case .object(let groups)? = object?["config_groups"] else { return [] }
    return groups.entries.compactMap { entry in
      guard case .object(let group) = entry.value, case .object(let weights)? = group["weights"] else {
        return nil
      }
      return weights
    }
  }
}
