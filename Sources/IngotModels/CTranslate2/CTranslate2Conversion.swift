// SPDX-License-Identifier: Apache-2.0
// A model on its way to CTranslate2: its parameters in that program's names and layouts, all weights as int8 or none, the
// numbers that say how it computes, and what stands beside them.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotKernels
import IngotOutput
import IngotQuantization
import IngotTransforms

/// A model for CTranslate2 while its tensors are being collected.
package struct CTranslate2Conversion {
  private let model: Model
  private let layout: CTranslate2Layout
  private let restDType: DType
  private let onOverflow: OverflowPolicy
  /// The weights that are rounded with a text at hand, once there is room for the output; `nil` for none.
  package private(set) var calibrated: CalibratedWeights?
  /// What is to be written.
  package private(set) var output: OutputBuilder
  /// The weights whose products take int8, as all do there; none where no weight is quantized.
  package private(set) var integerProducts: Set<TensorRole> = []

  /// Lays out a model's numbers as they are, or cast.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - dtype: what its numbers become; `nil` for what they are, where that is one type which CTranslate2 has, else F32.
  ///   - onOverflow: what becomes of numbers that it has no room for.
  ///   - companions: the model's.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a model that CTranslate2 does not
  ///   compute.
  package init(
    _ model: Model, as dtype: DType?, onOverflow: OverflowPolicy, companions: [Companion]
  ) throws(IngotError) {
    try self.init(model, dtype, onOverflow, companions)
    for variable in layout.variables {
      try add(variable, as: view(of: variable).cast(to: restDType, onOverflow: onOverflow))
    }
    try addTiedHead()
  }

  /// Lays out a model with its weights as int8, and reads them once to find their scales.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - options: which weights become what: all int8.
  ///   - destination: where it goes.
  ///   - progress: hears of bytes read.
  /// - Throws: as ``init(_:as:onOverflow:companions:)``, and for any other scheme;
  ///   ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for numbers that are not finite; read errors.
  package init(
    quantizing model: Model, options: QuantizationRequest, destination: OutputDestination,
    progress: (any ProgressObserver)?
  ) throws(IngotError) {
    let companions = try Companions(
      of: model.checkpoint, at: model.path, for: destination, system: model.work.system)
    try self.init(model, nil, options.onOverflow, companions.files)
    let choice = try SchemeChoice(options, for: model, target: nil)
    let weights = Set(model.recognised.graph.parameters.filter(\.isQuantizable).map(\.role))
    try requireIntegers(choice)
    try requireFiniteRest(weights, options)
    integerProducts = weights
    calibrated = options.calibration.map { CalibratedWeights(model, on: $0, roles: weights) }
    let scales = try scales(of: weights, progress: progress)
    for (index, variable) in layout.variables.enumerated() {
      let view = try view(of: variable)
      guard weights.isSuperset(of: variable.roles) else {
        try add(variable, as: view.cast(to: restDType, onOverflow: onOverflow))
        continue
      }
      try add(variable, as: view, scales: scales[index])
    }
    try addTiedHead()
    output.losses += companions.losses + choice.losses
  }

  private init(
    _ model: Model, _ dtype: DType?, _ onOverflow: OverflowPolicy, _ companions: [Companion]
  ) throws(IngotError) {
    (self.model, self.onOverflow) = (model, onOverflow)
    try model.requireOneHead()
    layout = try CTranslate2Layout(model)
    restDType = try Self.dtype(dtype, of: model)
    output = OutputBuilder(of: model.checkpoint)
    let made = try CTranslate2Companions(model, travelling: companions)
    output.companions = made.companions
    output.losses += made.losses
    let written = layout.variables.flatMap(\.roles).compactMap { model.recognised.tensors[$0] }
    output.losses += SharedTensors(model.checkpoint.tensors).losses(writing: Set(written))
    let attributes = CTranslate2Attributes(layout).metadata
    let others = InnerConfig.stripped(model.checkpoint.metadata)
    output.configure { $0.metadata = Metadata(attributes.entries + others.entries) }
    if let window = layout.window {
      output.losses.append(
        Loss(
          .readers,
          detail:
            "prompts of more than \(window, "token"): CTranslate2 takes them in pieces of so many, which is not the model's window"
        ))
    }
    for index in model.recognised.buffers + model.recognised.leftovers + model.recognised.otherParts {
      output.losses.append(
        Loss(.dropped, tensor: model.checkpoint.tensors[index].name, detail: "no parameter of the model"))
    }
    if let copy = model.recognised.tiedCopy {
      output.losses.append(
        Loss(
          .dropped, tensor: model.checkpoint.tensors[copy].name, detail: try model.droppedHead(copy)))
    }
  }

  /// The one type of all numbers that are no weights: CTranslate2 takes that of any for that of all.
  private static func dtype(_ wanted: DType?, of model: Model) throws(IngotError) -> DType {
    let own: Set<DType> = [.f32, .f16, .bf16]
    if let wanted {
      guard own.contains(wanted) else {
        throw CTranslate2Layout.unrepresentable(
          nil, "it does not compute with \(wanted)", hint: .remedy(.cast(to: [.f32, .f16, .bf16])))
      }
      return wanted
    }
    let dtypes = Set(model.recognised.tensors.values.map { model.checkpoint.tensors[$0].dtype })
    return dtypes.count == 1 ? dtypes.first.flatMap { own.contains($0) ? $0 : nil } ?? .f32 : .f32
  }

  // MARK: - What becomes what

  /// Throws for a weight that is not to be int8 with a scale for each output.
  private func requireIntegers(_ choice: SchemeChoice) throws(IngotError) {
    for parameter in model.recognised.graph.parameters where parameter.isQuantizable {
      let tensor = model.descriptor(parameter.role)
      if let tensor, tensor.isQuantized {
        throw .unsuitable(
          Location(model.path, tensor: tensor.name),
          why: "is \(words: tensor.typeName) already, and is to be laid out otherwise",
          hint: "quantize the model that it was made from")
      }
      // CTranslate2 multiplies int8 by activations that become int8 token by token, whatever a scheme says of these.
      let scheme = choice.scheme(of: parameter.role)
      guard scheme != .int8, scheme != .int8Activations else { continue }
      throw CTranslate2Layout.unrepresentable(
        tensor?.name,
        scheme == .keep
          ? "all of a file's weights are int8, or none is: it would quantize one that is kept when it loads it"
          : "its integers have an F32 scale for each output, and no others",
        hint: scheme == .keep
          ? "\(verb: .convert, .program, "ctranslate2") keeps all of them"
          : "\(option: .scheme, "int8") makes such")
    }
  }

  /// Throws for parameters that stay as they are and hold NaN or infinities.
  private func requireFiniteRest(
    _ weights: Set<TensorRole>, _ options: QuantizationRequest
  ) throws(IngotError) {
    let rest = model.recognised.tensors.filter { !weights.contains($0.key) }.values
    try QuantizedTensors(of: model.checkpoint, at: model.path, options: options, work: model.work)
      .requireFinite(Set(rest).sorted())
  }

  /// Finds the scales of the variables that become integers and are not calibrated, by index.
  private func scales(
    of weights: Set<TensorRole>, progress: (any ProgressObserver)?
  ) throws(IngotError) -> [Int: [Float]] {
    var wanted: [(index: Int, weight: ScaleSearch.Weight)] = []
    for (index, variable) in layout.variables.enumerated() where weights.isSuperset(of: variable.roles) {
      guard calibrated?.takes(variable.roles) != true else { continue }
      let view = try view(of: variable)
      wanted.append(
        (
          index,
          ScaleSearch.Weight(
            name: name(of: variable), values: try view.cast(to: .f32, onOverflow: onOverflow).values, axis: 0,
            byteCount: view.byteCount)
        ))
    }
    let search = ScaleSearch(
      files: SourceFiles(model.checkpoint.files, system: model.work.system), path: model.path,
      work: model.work)
    let found = try search.scales(of: wanted.map(\.weight), progress: progress)
    return Dictionary(uniqueKeysWithValues: zip(wanted.map(\.index), found))
  }

  // MARK: - Variables

  private func name(of variable: CTranslate2Layout.Variable) -> String {
    CTranslate2Layout.scope + variable.name
  }

  /// A variable's numbers, outputs first.
  private func view(of variable: CTranslate2Layout.Variable) throws(IngotError) -> ParameterView {
    var views: [ParameterView] = []
    for role in variable.roles {
      guard let view = try model.view(of: role, dequantizes: true) else {
        throw .unsuitable(
          Location(model.path, tensor: model.recognised.name(of: role)), why: "is missing", hint: nil)
      }
      let isTurned =
        model.recognised.graph.parameter(role).map { $0.isLinear && $0.weightLayout == .inOut } ?? false
      views.append(isTurned ? view.transpose : view)
    }
    if Set(views.map(\.dtype)).count > 1 {
      views = try views.map { (view) throws(IngotError) in try view.cast(to: .f32, onOverflow: onOverflow) }
    }
    guard var view = views.first else { throw .internal("a variable of nothing") }
    if views.count > 1 { view = try ParameterView(rowsOf: views) }
    if let rows = variable.rows { view = view.rows(rows) }
    return view
  }

  private mutating func add(
    _ variable: CTranslate2Layout.Variable, as view: ParameterView
  ) throws(IngotError) {
    output.losses += view.notes.compactMap { $0.dequantization(of: name(of: variable), to: view.dtype) }
    output.add(
      PlannedTensor(name: name(of: variable), view.type, transforms: view.notes), view.parts.map(\.part))
  }

  /// Adds a weight as integers.
  private mutating func add(
    _ variable: CTranslate2Layout.Variable, as view: ParameterView, scales: [Float]?
  ) throws(IngotError) {
    let name = name(of: variable)
    let values = try view.cast(to: .f32, onOverflow: onOverflow).values
    let scheme = Quantization(granularity: .perChannel(axis: 0), scaleKind: .inverse)
    guard let scaleShape = scheme.scaleShape(of: values.shape) else {
      throw .internal("a weight without rows")
    }
    var parts: [LazyPart]
    if let scales {
      let inverse = try InverseScales(of: scales, tensor: name)
      parts = [
        .quantized(values, scales: scales, axis: 0),
        .literal(.f32, scaleShape, ScaleType.f32.bytes(of: inverse.values)),
      ]
    } else if let calibrated {
      let made = try calibrated.add(
        name, variable.roles, values: values, form: .dividedChannels, byteCountBefore: view.byteCount)
      parts = [made.values] + [made.scales].compactMap(\.self)
    } else {
      throw .internal("integers without scales")
    }
    output.add(
      PlannedTensor(
        name: name, TensorType(int8: values.shape, scheme, scales: .f32, of: scaleShape),
        transforms: view.notes + [.quantizedToInt8(from: view.dtype)]), parts)
  }

  /// Adds the tied head: another name of the token embedding.
  private mutating func addTiedHead() throws(IngotError) {
    guard layout.isTied else { return }
    let embedding = CTranslate2Layout.scope + CTranslate2Layout.embedding
    guard let index = output.request.tensors.firstIndex(where: { $0.name == embedding }) else {
      throw .internal("a model without a token embedding")
    }
    let parts = output.contents.parts(of: index)
    output.add(
      PlannedTensor(
        name: CTranslate2Layout.scope + CTranslate2Layout.head, output.request.tensors[index].type,
        aliasOf: embedding), parts)
  }
}
