// SPDX-License-Identifier: Apache-2.0
// A model's tensors on their way to be quantized: which become what, with which scales, in whose names.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotOutput
import IngotQuantization

/// What a quantization needs to know of what a user asks for.
package struct QuantizationRequest: Sendable {
  /// The scheme of all weights that no rule names.
  package var scheme: QuantizationScheme
  /// Schemes by name pattern; the last that matches holds.
  package var rules: [(pattern: Glob, scheme: QuantizationScheme)]
  /// How the scales of groups are stored.
  package var scaleType: ScaleType
  /// What becomes of values that F32, which scales are found in, has no room for.
  package var onOverflow: OverflowPolicy
  /// Whether weights that stay as they are may be NaN or infinite.
  package var keepsNonFinite: Bool
  /// The text that weights are calibrated with; `nil` for none.
  package var calibration: CalibrationText?
  /// The program that a folder of compressed-tensors is for; `nil` for other outputs.
  package var compressedProgram: TargetProgram?
  /// How many rows of the token embedding stay in a type of their own, those of the tokens that the text has most; `nil` for
  /// none.
  package var keptRowCount: Int?
  /// What schemes are chosen for; `nil` where each weight has the one that is asked for.
  package var budget: BudgetRequest?

  /// Puts a request together.
  package init(
    scheme: QuantizationScheme, rules: [(pattern: Glob, scheme: QuantizationScheme)], scaleType: ScaleType,
    onOverflow: OverflowPolicy, keepsNonFinite: Bool
  ) {
    (self.scheme, self.rules, self.scaleType, self.onOverflow) = (scheme, rules, scaleType, onOverflow)
    self.keepsNonFinite = keepsNonFinite
  }
}

/// A quantization while its tensors are being collected.
package struct QuantizedConversion {
  private let model: Model
  private let options: QuantizationRequest
  private var tensors: QuantizedTensors
  /// The dialect that names and layouts become, where the output's format belongs to one program.
  private let target: Dialect?
  /// Values that share a scale where the output is a file of a program that has all matrices as integers in runs.
  private let runSize: Int?
  /// How weights are laid out where the output is loaded with compressed-tensors; `nil` elsewhere.
  package private(set) var compressed: CompressedTensorsLayout?
  /// What is to be written.
  package private(set) var output: OutputBuilder
  /// The weights that are rounded with a text at hand, once there is room for the output; `nil` for none.
  package private(set) var calibrated: CalibratedWeights?
  /// What was chosen for a budget; `nil` without one.
  package private(set) var budget: BudgetChoice?
  /// The weights whose products take int8.
  package private(set) var integerProducts: Set<TensorRole> = []

  /// The dialects of input and output, when names change from one to the other.
  package var dialects: (from: String, to: String)? {
    target.flatMap { $0.id == model.recognised.dialect.id ? nil : (model.recognised.dialect.id, $0.id) }
  }
  /// Mask buffers that stay as they are; beside runs there is no place for any.
  package var bufferCount: Int { target == nil && runSize == nil ? model.recognised.buffers.count : 0 }

  /// Collects every tensor, and reads those that become integers once, to find their scales.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - options: which weights become what.
  ///   - destination: where they go.
  ///   - progress: hears of bytes read.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a scheme that the format or a shape
  ///   does not allow; ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for values that are not finite.
  package init(
    findingScalesOf model: Model, options: QuantizationRequest, destination: OutputDestination,
    progress: (any ProgressObserver)?
  ) throws(IngotError) {
    self.model = model
    self.options = options
    tensors = QuantizedTensors(of: model.checkpoint, at: model.path, options: options, work: model.work)
    if let program = options.compressedProgram {
      let dialect = try Dialect.required(program.dialect, for: model, option: .program)
      compressed = try CompressedTensorsLayout(model, for: program, dialect: dialect)
      target = dialect
    } else {
      target = try Self.dialect(of: destination.formatID, for: model)
    }
    let written = target ?? model.recognised.dialect
    runSize =
      written.ownFormat == destination.formatID
      ? written.runSize(width: model.recognised.configuration.config.width) : nil
    output = OutputBuilder(of: model.checkpoint)
    try requireUseOfHead()
    let companions = try Companions(
      of: model.checkpoint, at: model.path, for: destination, system: model.work.system)
    output.companions = companions.files
    if model.head == .untie { output.companions.removeAll { $0.kind == .config } }
    var choice = try SchemeChoice(options, for: model, target: target)
    if let request = options.budget {
      let chosen = try budget(request, choice, for: destination)
      choice.chosen = chosen.schemes
      budget = chosen
    }
    let codings = try codings(choice, for: destination)
    try requireFiniteRest(codings)
    integerProducts = Set(codings.filter(\.value.quantizesActivations).keys)
    calibrated = try options.calibration.map { (text) throws(IngotError) in
      try requireCalibratable()
      return CalibratedWeights(model, on: text, roles: Set(codings.keys))
    }
    if let target {
      var conversion = ChangeRequest()
      conversion.onOverflow = options.onOverflow
      // What is no matrix is F32 beside runs.
      conversion.dtype = runSize == nil ? nil : .f32
      output = try DialectChange(model, to: target).output(
        conversion, destination: destination, companions: output.companions,
        codings: requireMovable(codings, format: destination.formatID), calibrated: calibrated,
        compressed: compressed)
      try compressed?.declare(in: &output)
    } else {
      if !output.companions.contains(where: { $0.kind == .config }),
        model.checkpoint.format != destination.formatID || InnerConfig.document(of: model.checkpoint) == nil
      {
        output.companions.insert(model.config, at: 0)
      }
      try addTensors(codings, progress: progress)
    }
    output.losses += companions.losses + choice.losses + (compressed?.losses ?? [])
    try requireWholeBlocks()
  }

  /// The dialect of a format that belongs to one program; `nil` when the model is in it already, or there is none.
  private static func dialect(of format: String, for model: Model) throws(IngotError) -> Dialect? {
    guard let implied = Dialect.implied(byFormat: format), implied.id != model.recognised.dialect.id else {
      return nil
    }
    return try Dialect.required(implied.id, for: model, option: .format)
  }

  /// Throws for a model none of whose weights a program loads as int8, before anything else is looked at.
  ///
  /// - Parameters:
  ///   - program: one that loads compressed-tensors.
  ///   - model: the model.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)``.
  package static func requireLinearLayers(for program: TargetProgram, in model: Model) throws(IngotError) {
    let dialect = try Dialect.required(program.dialect, for: model, option: .program)
    _ = try CompressedTensorsLayout(model, for: program, dialect: dialect)
  }

  /// Throws for a choice of heads that nothing comes of: names and layouts that stay keep a head of its own, and one that is
  /// its own already is not untied.
  private func requireUseOfHead() throws(IngotError) {
    switch model.head {
    case .tie where target == nil && model.recognised.tensors[TensorRole(.head)] != nil:
      throw .invalidRequest(
        option: .tie,
        why:
          "is for a change of dialect where the config says that the head is one of its own; \(verb: .convert) with \(option: .tie) leaves it out"
      )
    case .untie where !model.takesStoredHead:
      throw .invalidRequest(option: .untie, why: "no head or other tensor is tied")
    case .asIs, .tie, .untie: return
    }
  }

  // MARK: - What becomes what

  /// Chooses schemes for a budget.
  private func budget(
    _ request: BudgetRequest, _ choice: SchemeChoice, for destination: OutputDestination
  ) throws(IngotError) -> BudgetChoice {
    if runSize != nil || options.compressedProgram == .vllm {
      throw .invalidRequest(
        option: request.bound.option,
        why: runSize != nil
          ? "a file of llama2.c's has one scheme for all matrices"
          : "vLLM loads the weights of several layers as one, with one scheme")
    }
    let isOfBlocks = Dialect.implied(byFormat: destination.formatID) != nil
    return try BudgetChoice(
      request, for: model, choice: choice,
      allowed: { roles in
        if let compressed { return compressed.takes(roles) ? Self.groupsOfPrograms : [] }
        return isOfBlocks ? [.q80, .keep] : Self.allGroups
      }, scaleWidth: options.scaleType.dtype.byteWidth ?? 2)
  }

  /// The schemes that are chosen among where integers have scales beside them.
  private static let allGroups: [QuantizationScheme] = [
    .int8, .int8Group128, .int8Group64, .int8Group32, .int8Group16, .keep,
  ]
  /// Those that programs which load compressed-tensors have products for.
  private static let groupsOfPrograms: [QuantizationScheme] = [
    .int8, .int8Group128, .int8Group64, .int8Group32, .keep,
  ]

  /// How each weight is coded.
  private mutating func codings(
    _ choice: SchemeChoice, for destination: OutputDestination
  ) throws(IngotError) -> [TensorRole: WeightCoding] {
    let recognised = model.recognised
    let names = recognised.tensors.mapValues { model.checkpoint.tensors[$0].name }
    var codings = WeightQuantization(runSize: runSize) { choice.scheme(of: $0.role) }
      .codings(for: recognised.graph)
    for role in codings.keys.sorted(by: { (names[$0] ?? "") < (names[$1] ?? "") }) {
      guard let tensor = model.descriptor(role), !tensor.isQuantized else { continue }
      guard tensor.dtype.isFloating, ElementConversion(from: tensor.dtype, to: .f32) != nil else {
        throw .unsuitable(
          Location(model.path, tensor: tensor.name), why: "is \(tensor.dtype) without scales, no weight",
          hint: nil)
      }
    }
    for parameter in recognised.graph.parameters where !destination.writer.holdsBlocks {
      guard case .blocks(let blockType)? = codings[parameter.role] else { continue }
      throw QuantizedTensors.noPlace(
        for: blockType, of: model.descriptor(parameter.role)?.name, in: destination.formatID)
    }
    try requireRuns(codings, format: destination.formatID)
    codings = try keepingRows(codings, for: destination)
    if compressed != nil { return try compressed?.take(codings, ruled: choice.ruledRoles) ?? [:] }
    try requireFloatingActivations(codings, format: destination.formatID)
    return codings
  }

  /// The error of rows that stay in a type of their own, which other programs have no place for.
  package static func noPlaceForRows(of model: Model, in target: String) -> IngotError {
    .unrepresentable(
      tensor: model.descriptor(TensorRole(.tokenEmbedding))?.name, target: target,
      why: "it has no place for rows that stay in a type of their own",
      hint: "ingot, safetensors, npz, pytorch and tensorflow have one, for ingot to read")
  }

  /// The codings with the rows of the token embedding that stay in a type of their own.
  private func keepingRows(
    _ codings: [TensorRole: WeightCoding], for destination: OutputDestination
  ) throws(IngotError) -> [TensorRole: WeightCoding] {
    guard let count = options.keptRowCount, let text = options.calibration else { return codings }
    let role = TensorRole(.tokenEmbedding)
    let tensor = model.descriptor(role)
    guard target == nil, runSize == nil else {
      throw Self.noPlaceForRows(
        of: model, in: options.compressedProgram?.rawValue ?? destination.formatID)
    }
    guard let tensor, !tensor.isQuantized, case .integers(var scheme)? = codings[role] else {
      throw .invalidRequest(
        option: .keptRows,
        why: "\(tensor?.name ?? "the token embedding") does not become int8 with scales beside it")
    }
    scheme.keptRows = text.mostUsedTokens(count)
    guard scheme.keptShape(of: tensor.shape) != nil else {
      throw .unsupported("rows that are no tokens'", at: Location(model.path, tensor: tensor.name))
    }
    return codings.merging([role: .integers(scheme)]) { $1 }
  }

  /// Throws for weights whose activations are to become int8, which no format here says of a file.
  private func requireFloatingActivations(
    _ codings: [TensorRole: WeightCoding], format: String
  ) throws(IngotError) {
    for parameter in model.recognised.graph.parameters {
      guard codings[parameter.role]?.quantizesActivations == true else { continue }
      throw QuantizedTensors.noPlaceForActivations(of: model.descriptor(parameter.role)?.name, in: format)
    }
  }

  /// Throws for weights that a program which has all of them as integers in runs, or none, has no place for.
  private func requireRuns(_ codings: [TensorRole: WeightCoding], format: String) throws(IngotError) {
    guard let runSize else { return }
    for parameter in model.recognised.graph.parameters where parameter.isQuantizable {
      let coding = codings[parameter.role]
      guard coding?.runSize == nil else { continue }
      throw .unrepresentable(
        tensor: model.descriptor(parameter.role)?.name, target: format,
        why: coding == nil
          ? "all of a file's matrices are integers, or none is: it has no place for one that is kept"
          : "its integers have a scale for each run of \(runSize) values",
        hint: coding == nil
          ? "\(verb: .convert) keeps all of them, as F32" : "\(option: .scheme, "q8_0") makes such runs")
    }
  }

  /// Throws where weights can't be calibrated: a file of runs, which lie across the ends of rows.
  private func requireCalibratable() throws(IngotError) {
    guard runSize != nil else { return }
    throw .invalidRequest(
      option: .calibration, why: "a file of llama2.c's has runs across rows, which are not calibrated")
  }

  /// The codings of a model that is written in another dialect.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for integers with scales of channels,
  ///   which formats of one program lack; ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that is quantized
  ///   already.
  private func requireMovable(
    _ codings: [TensorRole: WeightCoding], format: String
  ) throws(IngotError) -> [TensorRole: WeightCoding] {
    if let tensor = model.checkpoint.tensors.first(where: { $0.quantization != nil || $0.blockType != nil }) {
      throw .unsuitable(
        Location(model.path, tensor: tensor.name),
        why: "is \(words: tensor.typeName) already, and is to be laid out otherwise",
        hint: "quantize the model that it was made from")
    }
    for role in model.recognised.graph.parameters.map(\.role) where compressed == nil {
      guard case .integers? = codings[role], codings[role]?.runSize == nil else { continue }
      throw .unrepresentable(
        tensor: model.descriptor(role)?.name, target: format, why: "it has no I8 with scales beside it",
        hint: .remedy(.makeBlocks(.q80)))
    }
    return codings
  }

  /// Throws unless every tensor of blocks has rows of whole ones.
  private func requireWholeBlocks() throws(IngotError) {
    for tensor in output.request.tensors {
      guard let blockType = tensor.blockType, blockType.byteShape(of: tensor.shape) == nil else { continue }
      throw .unrepresentable(
        tensor: tensor.name, target: blockType.rawValue,
        why:
          "its rows have \(tensor.shape.dimensions.last ?? 0, "value"), no multiple of \(blockType.elementCount)",
        hint: .remedy(.keepWeight))
    }
  }

  /// The codings by index of the tensor, those that are quantized already left out.
  private func codingsByTensor(
    _ codings: [TensorRole: WeightCoding]
  ) throws(IngotError) -> [Int: WeightCoding] {
    let recognised = model.recognised
    var byTensor: [Int: WeightCoding] = [:]
    for role in recognised.graph.parameters.map(\.role) {
      guard let coding = codings[role], let index = recognised.tensors[role] else { continue }
      let tensor = model.checkpoint.tensors[index]
      guard tensor.quantization == nil, tensor.blockType == nil else { continue }
      byTensor[index] = coding
      // Runs are cut out of whatever stands in a tensor.
      guard case .integers(var quantization) = coding, coding.runSize == nil else { continue }
      let layout = recognised.dialect.layout(of: role.kind)
      switch (layout, quantization.granularity) {
      case (.leadingOne?, .perChannel(let axis)): quantization.granularity = .perChannel(axis: axis + 1)
      case (.leadingOne?, .perGroup):
        throw .unsupported(
          "groups of a tensor of three dimensions; \(verb: .convert, .dialect, "hf") has two",
          at: Location(model.path, tensor: tensor.name))
      case (let layout?, _) where layout.holdsMany || layout.isPadded:
        throw .unsupported(
          "quantizing a tensor that holds more than one parameter\(wayApart(role.kind))",
          at: Location(model.path, tensor: tensor.name))
      default: break
      }
      byTensor[index] = .integers(quantization)
    }
    return byTensor
  }

  /// What takes a tensor apart, where transformers has one for each parameter: of gpt-oss's experts it has none.
  private func wayApart(_ kind: TensorRole.Kind) -> Evidence {
    let architecture = model.recognised.configuration.architecture.id
    guard let layout = Dialect.named("hf", architecture: architecture)?.layout(of: kind), !layout.holdsMany
    else { return "; \(option: .rules, "GLOB=keep") leaves it as it is" }
    return "; \(verb: .convert, .dialect, "hf") takes them apart"
  }

  // MARK: - Tensors in their own names

  private mutating func addTensors(
    _ codings: [TensorRole: WeightCoding], progress: (any ProgressObserver)?
  ) throws(IngotError) {
    tensors.codings = try codingsByTensor(codings)
    if let copy = model.recognised.tiedCopy { tensors.dropped[copy] = try model.droppedHead(copy) }
    if runSize != nil {
      for index in model.recognised.buffers {
        tensors.dropped[index] = "a buffer, which the target does not use"
      }
      tensors.restDType = .f32
    }
    tensors.calibrated = calibrated
    try tensors.add(to: &output, progress: progress)
  }

  /// Throws for parameters that stay as they are and hold NaN or infinities: those that are quantized are looked at while
  /// their scales are found.
  private func requireFiniteRest(_ codings: [TensorRole: WeightCoding]) throws(IngotError) {
    let rest = model.recognised.tensors.filter { role, index in
      let tensor = model.checkpoint.tensors[index]
      return codings[role] == nil || tensor.quantization != nil || tensor.blockType != nil
    }
    try tensors.requireFinite(Set(rest.values).sorted())
  }
}
