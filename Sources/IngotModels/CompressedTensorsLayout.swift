// SPDX-License-Identifier: Apache-2.0
// A model's int8 weights as transformers and vLLM load them with compressed-tensors: which parameters are taken, which
// tensors each becomes, and what is refused because those programs would load it otherwise, or not at all. What config.json
// says of them is CompressedTensorsDeclaration's. Page: formats/packed-weights.md.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotOutput
import IngotQuantization
import IngotTransforms

/// How int8 weights stand in a folder that is loaded with compressed-tensors.
package struct CompressedTensorsLayout: Sendable {
  /// The groups of inputs that vLLM multiplies 8-bit weights by: `MARLIN_SUPPORTED_GROUP_SIZES` of its `marlin_utils.py`.
  private static let groupSizesOfVLLM: Set<Int> = [32, 64, 128]
  /// What the names of weights, of layers that compressed-tensors takes, end in.
  static let weightEnd = ".weight"

  /// The program that the folder is for.
  let program: TargetProgram
  /// The model.
  let model: Model
  /// Hugging Face's names.
  let dialect: Dialect
  /// How each weight is coded that is: a linear one of a block.
  private(set) var codings: [TensorRole: WeightCoding] = [:]
  /// Weights that stay as they are though a scheme was asked for.
  private(set) var losses: [Loss] = []

  /// Looks whether a model can be laid out so.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - program: transformers or vLLM.
  ///   - dialect: Hugging Face's for the model.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a model whose weights are not of linear
  ///   layers there.
  init(_ model: Model, for program: TargetProgram, dialect: Dialect) throws(IngotError) {
    (self.model, self.program, self.dialect) = (model, program, dialect)
    for parameter in model.recognised.graph.parameters
    where parameter.isLinear && parameter.role.block != nil {
      let isStacked =
        parameter.role.expert != nil || dialect.layout(of: parameter.role.kind)?.isStackedByExpert == true
      guard isStacked || hasInputsFirst(parameter) else { continue }
      throw refusal(of: parameter, isStacked: isStacked)
    }
    guard program != .vllm || model.recognised.graph.continuesText else {
      throw .unrepresentable(
        tensor: nil, target: program.rawValue,
        why: "it is for models that predict the next token, as this one does not",
        hint: "\(option: .program, "transformers") takes it")
    }
  }

  private func refusal(of parameter: GraphParameter, isStacked: Bool) -> IngotError {
    let architecture = model.recognised.configuration.architecture
    return .unrepresentable(
      tensor: dialect.name(of: parameter.role, prefix: dialect.writtenPrefix), target: program.rawValue,
      why: isStacked
        ? "transformers has the experts of \(words: architecture.title) as one tensor, of which compressed-tensors quantizes none"
        : "transformers has the weights of \(words: architecture.title) in Conv1D, which compressed-tensors does not quantize",
      hint: otherWays(parameter))
  }

  /// What makes small weights of a model that this program loads none of.
  private func otherWays(_ parameter: GraphParameter) -> Evidence {
    let architecture = model.recognised.configuration.architecture
    let blocks: Evidence? =
      Dialect.named("gguf", architecture: architecture.id) == nil
      ? nil : "\(option: .program, "llama.cpp") makes Q8_0"
    // What is packed has no other scales; what holds several weights is not quantized under its own name.
    if model.descriptor(parameter.role)?.packing != nil, let blocks { return blocks }
    let isStacked = model.recognised.dialect.layout(of: parameter.role.kind)?.holdsMany == true
    let rule: Evidence = isStacked ? " and with \(option: .rules, "*experts*=keep")" : ""
    let integers: Evidence =
      "\(verb: .quantize) without \(option: .program)\(rule) makes int8 that ingot runs"
    return blocks.map { "\(integers); \($0)" } ?? integers
  }

  /// Whether a linear weight is `[in, out]` in the program's layout, as those of transformers' `Conv1D` are.
  private func hasInputsFirst(_ parameter: GraphParameter) -> Bool {
    let kind = parameter.role.kind
    // The graph has weights as they are stored.
    let source = model.recognised.dialect.layout(of: kind)?.isTransposed ?? false
    let isTurned = source != (dialect.layout(of: kind)?.isTransposed ?? false)
    return (parameter.outputAxis == 1) != isTurned
  }

  // MARK: - Which weights

  /// Whether there is a place for the integers of some parameters: linear weights of blocks.
  func takes(_ roles: [TensorRole]) -> Bool {
    roles.allSatisfy { $0.block != nil && model.recognised.graph.parameter($0)?.isLinear == true }
  }

  /// Takes the weights that there is a place for, of those that schemes were asked for.
  ///
  /// - Parameters:
  ///   - wanted: codings by role.
  ///   - ruled: the parameters that each rule names.
  /// - Returns: the codings of linear weights of blocks; embeddings, heads and what else stands outside blocks stay.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a scheme that there is no place for, and
  ///   for a rule that names nothing but what stays.
  mutating func take(
    _ wanted: [TensorRole: WeightCoding], ruled: [[TensorRole]]
  ) throws(IngotError) -> [TensorRole: WeightCoding] {
    for parameter in model.recognised.graph.parameters {
      guard let coding = wanted[parameter.role], let tensor = model.descriptor(parameter.role) else {
        continue
      }
      guard takes([parameter.role]) else {
        losses.append(
          Loss(
            .kept, tensor: tensor.name,
            detail: "stays \(words: tensor.typeName): int8 is for the linear layers of blocks there"))
        continue
      }
      try requirePlace(for: coding, tensor.name)
      codings[parameter.role] = coding
    }
    try requireEffect(of: ruled, wanted)
    guard !codings.isEmpty else {
      throw .invalidRequest(
        option: .scheme,
        why: "no linear weight of a block would be quantized; \(verb: .convert) writes a model as it is"
      )
    }
    if program == .vllm { try requireFusible() }
    return codings
  }

  /// Throws for a rule that names only weights that stay as they are.
  private func requireEffect(
    of ruled: [[TensorRole]], _ wanted: [TensorRole: WeightCoding]
  ) throws(IngotError) {
    for roles in ruled where roles.allSatisfy({ codings[$0] == nil }) {
      guard let role = roles.first(where: { wanted[$0] != nil }) else { continue }
      throw .unrepresentable(
        tensor: model.recognised.name(of: role), target: program.rawValue,
        why: "what it loads has the linear layers of blocks as int8, and embeddings and heads as they are",
        hint: "a rule without it; \(verb: .quantize) without \(option: .program) quantizes it for ingot")
    }
  }

  /// Throws for a scheme that compressed-tensors, or the program, has no place for.
  private func requirePlace(for coding: WeightCoding, _ name: String) throws(IngotError) {
    let smallest = program == .vllm ? 32 : 16
    let hint: Evidence =
      "\(option: .scheme, "int8"), w8a8 or int8-group:\(smallest) to int8-group:128 is for it"
    guard case .integers(let scheme) = coding else {
      throw .unrepresentable(
        tensor: name, target: program.rawValue, why: "blocks of ggml have no place in it", hint: hint)
    }
    switch scheme.granularity {
    case .perChannel: return
    case .perGroup(_, let size):
      guard program == .vllm, !Self.groupSizesOfVLLM.contains(size) else { return }
      throw .unrepresentable(
        tensor: name, target: program.rawValue,
        why: "it multiplies 8-bit weights by groups of 32, 64 and 128 inputs, not of \(size)", hint: hint)
    case .perTensor, .perBlock, .perRun:
      throw .unrepresentable(
        tensor: name, target: program.rawValue,
        why: "its weights have a scale an output channel, or a group of inputs", hint: hint)
    }
  }

  /// Throws where weights that vLLM puts together in one product have different schemes, or only some have one.
  private func requireFusible() throws(IngotError) {
    var schemes: [String: (coding: WeightCoding?, name: String)] = [:]
    for parameter in model.recognised.graph.parameters where parameter.isLinear {
      guard let name = module(of: parameter.role), let product = Self.fusedProduct(of: name) else { continue }
      let coding = codings[parameter.role].map(kind)
      guard let first = schemes[product] else {
        schemes[product] = (coding, name)
        continue
      }
      guard first.coding != coding else { continue }
      throw .unrepresentable(
        tensor: name + Self.weightEnd, target: program.rawValue,
        why: "it multiplies by this and \(first.name) in one product, and they have different schemes",
        hint: "a rule for both")
    }
  }

  /// What a product of vLLM's is called that a layer is part of; `nil` for a layer by itself.
  private static func fusedProduct(of module: String) -> String? {
    for (product, parts) in [
      ("qkv_proj", ["q_proj", "k_proj", "v_proj"]), ("gate_up_proj", ["gate_proj", "up_proj"]),
    ] {
      for part in parts where module.hasSuffix("." + part) {
        return String(module.dropLast(part.count)) + product
      }
    }
    return nil
  }

  /// A coding as it stands here, where every weight is `[out, in]`.
  func kind(_ coding: WeightCoding) -> WeightCoding {
    guard case .integers(var scheme) = coding else { return coding }
    switch scheme.granularity {
    case .perChannel: scheme.granularity = .perChannel(axis: 0)
    case .perGroup(_, let size): scheme.granularity = .perGroup(axis: 0, size: size)
    case .perTensor, .perBlock, .perRun: break
    }
    return .integers(scheme)
  }

  /// The layer that a weight is of, as the program calls it.
  ///
  /// - Parameters:
  ///   - role: the parameter.
  ///   - isBare: whether the name is that in a model without a head, which has no prefix.
  /// - Returns: its name; `nil` for what is no weight of a layer.
  func module(of role: TensorRole, isBare: Bool = false) -> String? {
    let prefix = isBare ? IngotDialects.NamePrefix(inner: "") : dialect.writtenPrefix
    guard let name = dialect.name(of: role, prefix: prefix), name.hasSuffix(Self.weightEnd) else {
      return nil
    }
    return String(name.dropLast(Self.weightEnd.count))
  }

  // MARK: - Tensors

  /// The weight that a tensor of the output is a part of, and its coding, by the tensor's name.
  package var weights: [String: (name: String, coding: WeightCoding)] {
    var weights: [String: (name: String, coding: WeightCoding)] = [:]
    for (role, coding) in codings {
      guard let stem = module(of: role) else { continue }
      for end in [Self.weightEnd, ".weight_packed", ".weight_scale", ".weight_shape"] {
        weights[stem + end] = (stem + Self.weightEnd, kind(coding))
      }
    }
    return weights
  }

  /// Adds the tensors that a weight becomes.
  ///
  /// Weights alone are packed, as both programs want them; beside activations that become int8 they are plain I8. Scales are
  /// of the weight's own dtype, which is what either program casts them to.
  ///
  /// - Parameters:
  ///   - weight: the weight, `[out, in]`.
  ///   - dtype: what its values were.
  ///   - calibrated: what calibrates it; `nil` for nothing.
  ///   - output: the output.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for inputs that are no whole groups, or no
  ///   whole words for vLLM.
  func add(
    _ weight: WeightDraft, from dtype: DType, by calibrated: CalibratedWeights?,
    to output: inout OutputBuilder
  ) throws(IngotError) {
    let (name, values, coding) = (weight.name, weight.values, weight.coding)
    guard case .integers(let scheme) = kind(coding), name.hasSuffix(Self.weightEnd), values.shape.rank == 2
    else { throw .internal("a weight that is of no linear layer") }
    let stem = String(name.dropLast(Self.weightEnd.count))
    let (outputs, inputs) = (values.shape.dimensions[0], values.shape.dimensions[1])
    let size = if case .perGroup(_, let size) = scheme.granularity { size } else { inputs }
    try requireWhole(name, inputs: inputs, size: size)
    guard let grid = Shape([outputs, inputs / size]) else { throw .internal("scales that overflow") }
    let scaleType = ScaleType(dtype) ?? .f32
    let rule = RunRule(size: size, scaleType: scaleType, isFitted: scheme.axis == nil)
    var (integers, scales) = (LazyPart.runs(values, rule, .integers), LazyPart.runs(values, rule, .scales))
    if let calibrated, calibrated.takes(weight.roles) {
      let parts = try calibrated.add(
        name, weight.roles, values: values, form: .groups(size, scaleType),
        byteCountBefore: weight.byteCountBefore)
      (integers, scales) = (parts.values, parts.scales ?? scales)
    }
    let notes = weight.notes + [.quantizedToInt8(from: dtype)]
    if coding.quantizesActivations {
      output.add(
        PlannedTensor(name: name, TensorType(dtype: .i8, shape: values.shape), transforms: notes), [integers])
    } else {
      let words = LazyPart.words(integers)
      output.add(
        PlannedTensor(
          name: stem + ".weight_packed", TensorType(dtype: words.dtype, shape: words.shape), transforms: notes
        ),
        [words])
    }
    scales = scales.reshape(to: grid)
    output.add(
      PlannedTensor(
        name: stem + ".weight_scale", TensorType(dtype: scales.dtype, shape: grid), transforms: notes),
      [scales])
    if !coding.quantizesActivations { addShape(of: values.shape, stem, to: &output) }
  }

  /// Adds the numbers of rows and columns of a packed weight.
  private func addShape(of shape: Shape, _ stem: String, to output: inout OutputBuilder) {
    var bytes: [UInt8] = []
    for dimension in shape.dimensions { bytes.appendLittle(UInt64(dimension)) }
    output.add(
      PlannedTensor(name: stem + ".weight_shape", TensorType(dtype: .i64, shape: [2])),
      [.literal(.i64, [2], bytes)])
  }

  private func requireWhole(_ name: String, inputs: Int, size: Int) throws(IngotError) {
    guard inputs > 0, inputs.isMultiple(of: size) else {
      throw .unrepresentable(
        tensor: name, target: DType.i8.rawValue,
        why: "its \(inputs, "input") of an output are no whole groups of \(size)", hint: .remedy(.keepWeight))
    }
    guard program != .vllm || inputs.isMultiple(of: 4) else {
      throw .unrepresentable(
        tensor: name, target: program.rawValue,
        why: "it loads whole words of four inputs, and this has \(inputs)", hint: .remedy(.keepWeight))
    }
  }
}
