// SPDX-License-Identifier: Apache-2.0
// Weights of small numbers whose scales stand in tensors of their own, as other programs keep them: FP8 and int8 with
// scales of any shape, and packed ones. Told by names, dtypes, shapes and what the config declares; nothing is read.
// Page: formats/quantized-tensors.md, "Other programs".
import IngotCore

/// Weights of small numbers with the tensors that belong to them.
package struct ScaleTensors: Sendable {
  /// What the values of a weight stand for.
  package enum Scheme: Sendable {
    /// Real numbers, by these scales.
    case known(Quantization, [StoredPart])
    /// What is not known of them.
    case unknown(Evidence)
    /// Real numbers, made of several packed tensors.
    case packed(PackedWeight)
    /// Tensors that break a rule of a scheme.
    case broken(PackedRule, tensor: String, found: Evidence, expected: Evidence)
    /// Tensors that tell how others are packed, and could not be read.
    case unreadable(IngotError)
  }

  /// A weight with what belongs to it.
  package struct Weight: Sendable {
    /// Index of the tensor that holds the values.
    package let values: Int
    /// Indexes of tensors that mean nothing without it: scales, zero points, scales of activations.
    package let companions: [Int]
    /// Those of them that must hold zeros only, or the scheme is another: bitsandbytes' `weight_format`.
    package let zeros: [Int]
    /// Those of them that are for activations.
    package let activationScales: [Int]
    /// What the values stand for.
    package let scheme: Scheme

    /// Whether the tensor of its values is of a scheme that packs, so that its dtype tells nothing of its numbers.
    package let isPacked: Bool

    /// What it is called as a tensor of numbers, where that is not the name of the tensor of its values.
    package var packedName: String? { if case .packed(let packed) = scheme { packed.name } else { nil } }
  }

  /// The weights, in the order of the checkpoint.
  package let weights: [Weight]

  /// Keys of a config that declare how weights are quantized.
  package static let configKeys = ["quantization_config", "compression_config", "quantization"]

  /// A config with what a file of its own declares in its place, as GPTQ's first programs wrote it.
  ///
  /// - Parameters:
  ///   - config: the config, when there is one that can be read.
  ///   - beside: the file, likewise; only asked for where the config declares nothing.
  /// - Returns: what is declared, as if the config did.
  package static func declaration(config: Metadata?, beside: () -> Metadata?) -> Metadata? {
    guard !configKeys.contains(where: { config?[$0] != nil }), let declared = beside() else { return config }
    var document = config ?? Metadata()
    document[configKeys[0]] = .object(declared)
    return document
  }

  /// Finds what belongs together.
  ///
  /// - Parameters:
  ///   - tensors: the tensors of a checkpoint.
  ///   - config: its config, when there is one that can be read.
  ///   - wantsValues: whether numbers are wanted, and with them what only the bytes of small tensors tell.
  ///   - reader: reads small tensors.
  package init(
    _ tensors: [TensorDescriptor], config: Metadata? = nil, wantsValues: Bool = false,
    reader: @escaping PackedReader = { _ in [] }
  ) {
    let packed = PackedTensors(tensors, config: config, wantsValues: wantsValues, reader: reader)
    let plain = Self.unpacked(tensors, config, besides: packed.taken)
    let others = packed.weights.map(Self.weight) + Self.blocks(tensors)
    weights = others.isEmpty ? plain : (plain + others).sorted { $0.values < $1.values }
  }

  /// Blocks with a scale for the whole tensor, as llama.cpp keeps them of BitNet and NVFP4: it multiplies products by it.
  private static func blocks(_ tensors: [TensorDescriptor]) -> [Weight] {
    guard tensors.contains(where: { $0.blockType != nil }) else { return [] }
    let owners = Dictionary(
      tensors.indices.lazy.filter { tensors[$0].blockType != nil }.map { (ExactName(tensors[$0].name), $0) }
    ) { first, _ in first }
    return tensors.indices.compactMap { index in
      let name = tensors[index].name
      guard name.utf8.suffix(6).elementsEqual(".scale".utf8),
        let owner = owners[ExactName(String(name.dropLast(6)) + ".weight")]
      else { return nil }
      return Weight(
        values: owner, companions: [index], zeros: [], activationScales: [],
        scheme: .unknown("its blocks are multiplied by \(name) too, which is not applied"), isPacked: true)
    }
  }

  private static func weight(_ found: PackedTensors.Found) -> Weight {
    let scheme: Scheme =
      switch found.result {
      case .success(let weight): .packed(weight)
      case .failure(.unknown(let why)): .unknown(why)
      case .failure(.unreadable(let error)): .unreadable(error)
      case .failure(.broken(let rule, let tensor, let found, let expected)):
        .broken(rule, tensor: tensor, found: found, expected: expected)
      }
    return Weight(
      values: found.codes, companions: found.companions, zeros: [],
      activationScales: found.activations, scheme: scheme, isPacked: true)
  }

  /// The weights that are not packed.
  private static func unpacked(
    _ tensors: [TensorDescriptor], _ config: Metadata?, besides taken: Set<Int>
  ) -> [Weight] {
    let declaration = QuantizationDeclaration(config)
    var values: [ExactName: Int] = [:]
    for (index, tensor) in tensors.enumerated() where tensor.holdsSmallNumbers && !taken.contains(index) {
      values[ExactName(tensor.name)] = index
    }
    guard !values.isEmpty else { return [] }
    let owners = ScaleOwners(values)
    var companions: [Int: [ScaleCompanion]] = [:]
    for (index, tensor) in tensors.enumerated() where !taken.contains(index) {
      guard let (owner, companion) = ScaleCompanion.find(index, tensor.name, among: owners) else { continue }
      companions[owner, default: []].append(companion)
    }
    // Zero points are small integers too.
    let members = Set(companions.values.joined().map(\.index))
    let candidates = values.values.sorted().compactMap { index -> ScaleCandidate? in
      let own = companions[index] ?? []
      guard !own.isEmpty || (declaration.covers(tensors[index]) && !members.contains(index)) else {
        return nil
      }
      return ScaleCandidate(index, own, tensors, declaration)
    }
    let habits = ScaleHabits(candidates)
    return candidates.map { candidate in
      Weight(
        values: candidate.values, companions: candidate.companions.map(\.index),
        zeros: candidate.companions.filter { $0.role == .layout }.map(\.index),
        activationScales: candidate.companions.filter { $0.role == .activation }.map(\.index),
        scheme: candidate.scheme(tensors, habits: habits), isPacked: false)
    }
  }

  /// The checkpoint with the values and scales of some weights as one tensor each.
  ///
  /// - Parameters:
  ///   - checkpoint: that whose tensors these are.
  ///   - isJoined: which weights; those of unknown schemes stay as they are.
  /// - Returns: the checkpoint without the tensors that belong to those weights.
  package func joined(_ checkpoint: Checkpoint, where isJoined: (Weight) -> Bool) -> Checkpoint {
    var result = checkpoint
    var taken = Set<Int>()
    var owners: [ExactName: (Quantization, [StoredPart])] = [:]
    for weight in weights where isJoined(weight) {
      if case .packed(let packed) = weight.scheme {
        result.tensors[weight.values].pack(packed, of: checkpoint)
        taken.formUnion(weight.companions)
      }
      guard case .known(let scheme, let parts) = weight.scheme else { continue }
      result.tensors[weight.values].quantize(scheme, parts)
      owners[ExactName(checkpoint.tensors[weight.values].name)] = (scheme, parts)
      taken.formUnion(weight.companions)
    }
    guard !owners.isEmpty || !taken.isEmpty else { return checkpoint }
    for (index, tensor) in checkpoint.tensors.enumerated() {
      // Another name of the same bytes has the same scales.
      guard let target = tensor.aliasOf, let (scheme, parts) = owners[ExactName(target)],
        result.tensors[index].quantization == nil
      else { continue }
      result.tensors[index].quantize(scheme, parts)
    }
    result.tensors = result.tensors.indices.filter { !taken.contains($0) }.map { result.tensors[$0] }
    return result
  }
}

extension TensorDescriptor {
  /// Becomes a packed weight, under the name that this has where it is not packed.
  fileprivate mutating func pack(_ weight: PackedWeight, of checkpoint: Checkpoint) {
    let parts = weight.parts.map { checkpoint.tensors[$0] }
    let types = parts.enumerated().map { index, tensor in
      PartType(kind: index == 0 ? .values : .scales, dtype: tensor.dtype, shape: tensor.shape)
    }
    name = weight.name
    pack(
      Packing(scheme: weight.scheme, parts: types, values: weight.values), shape: weight.shape,
      parts.dropFirst().map(\.storage))
  }

  /// Whether its elements may need a scale to be weights.
  fileprivate var holdsSmallNumbers: Bool {
    guard quantization == nil, blockType == nil else { return false }
    switch dtype {
    case .i8, .u8, .i16, .u16, .i32, .u32: return true
    case .f4, .f6E2M3, .f6E3M2, .f8E4M3, .f8E5M2, .f8E4M3FNUZ, .f8E5M2FNUZ: return true
    default: return false
    }
  }
}

/// What a config declares of quantized weights.
package struct QuantizationDeclaration {
  /// The scheme's name.
  package let method: String?
  /// Bits of a value, where it says so.
  package private(set) var bits: Int?
  /// Rows and columns of a block.
  private(set) var block: (rows: Int, columns: Int)?
  /// Inputs that share a scale.
  package private(set) var groupSize: Int?
  /// Bits of an activation, where these are quantized too.
  package private(set) var activationBits: Int?
  /// When scales of activations are found, `static` or `dynamic`, where it says so.
  package private(set) var activationScheme: String?

  /// Reads what a config declares; nothing of none.
  package init(_ config: Metadata?) {
    let object = ScaleTensors.configKeys.lazy.compactMap { key -> Metadata? in
      guard case .object(let object)? = config?[key] else { return nil }
      return object
    }.first
    method = object.map { $0.string("quant_method") ?? $0.string("quant_algo") ?? "a quantization" }
    if let object { collect(object, depth: 0) }
  }

  private mutating func collect(_ object: Metadata, depth: Int) {
    for entry in object.entries {
      switch (entry.key, entry.value) {
      case ("bits", let value), ("num_bits", let value), ("w_bit", let value), ("wbits", let value):
        bits = bits ?? value.integer
      case ("input_activations", .object(let inner)):
        // They have bits and groups too, which are not the weights'.
        activationBits = activationBits ?? inner["num_bits"]?.integer
      case ("output_activations", .object): continue
      case ("activation_scheme", .string(let scheme)): activationScheme = activationScheme ?? scheme
      case ("load_in_4bit", .bool(true)): bits = 4
      case ("weight_block_size", .array(let sizes)), ("block_structure", .array(let sizes)):
        if sizes.count == 2, let rows = sizes[0].integer, let columns = sizes[1].integer, rows > 0,
          columns > 0
        {
          block = (rows, columns)
        }
      case ("group_size", let value), ("q_group_size", let value):
        if let size = value.integer, size > 0 { groupSize = groupSize ?? size }
      case (_, .object(let inner)) where depth < 8: collect(inner, depth: depth + 1)
      default: continue
      }
    }
  }

  /// Whether what it declares must be about a tensor, scales or not.
  func covers(_ tensor: TensorDescriptor) -> Bool {
    method != nil && tensor.shape.rank > 1 && (tensor.dtype == .i8 || tensor.dtype.isFloating)
  }
}
