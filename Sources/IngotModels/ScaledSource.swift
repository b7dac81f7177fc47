// SPDX-License-Identifier: Apache-2.0
// The source of a conversion with values and scales as one thing: where --dtype is to reach weights whose scales stand
// in tensors of their own, each comes as one tensor with them, and what is not understood is refused by name.
import IngotBytes
import IngotCore
import IngotDialects
import IngotEncodings
import IngotFormats
import IngotOutput
import IngotTransforms

/// A checkpoint on its way to be converted, with the scales of its weights.
package struct ScaledSource {
  /// The checkpoint: weights that --dtype reaches are one tensor each with their scales.
  package private(set) var checkpoint: Checkpoint
  /// The companions, without what is true of the quantized weights only where these are so no longer.
  package private(set) var companions: [Companion]
  /// Scales whose values stay as they are, and which therefore stay too.
  package private(set) var fixed: Set<ExactName> = []
  /// Weights whose scales were tensors of their own, by the names of their values in the source.
  package private(set) var joined: Set<ExactName> = []
  /// Weights that tables show under another name than that of any of their tensors.
  private var packed: [(name: String, weight: ScaleTensors.Weight)] = []
  /// What is not kept.
  package private(set) var losses: [Loss] = []
  /// Weights whose scales are still tensors of their own.
  private var apart: [ScaleTensors.Weight] = []
  /// Whether the config tells a program how weights are quantized.
  private let isDeclared: Bool
  private let source: Checkpoint
  private let work: WorkOptions

  /// Puts together what --dtype is to reach.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for weights whose scales are not
  ///   understood.
  package init(_ source: Checkpoint, companions: [Companion], options asked: ChangeRequest) throws(IngotError)
  {
    var options = asked
    self.source = source
    work = options.work
    checkpoint = source
    self.companions = companions
    let loader = ArrayLoader(source, work: options.work)
    let config = try Self.config(options.config, companions, options.work.system)
    isDeclared = ScaleTensors.configKeys.contains { config?[$0] != nil }
    let scales = ScaleTensors(
      source.tensors, config: config, wantsValues: options.casts
    ) { (tensor) throws(IngotError) in try loader.bytes(.stored(name: tensor.name, tensor.parts[0])) }
    packed = scales.weights.compactMap { weight in weight.packedName.map { ($0, weight) } }
    options.selection = selection(options.selection)
    guard options.casts else {
      apart = scales.weights
      reportSeparation(by: options.selection)
      return
    }
    var joined = Set<Int>()
    for weight in scales.weights {
      let values = source.tensors[weight.values]
      let names = names(of: weight)
      guard let dtype = options.dtype(of: names), options.selection.takes(names),
        weight.isPacked || values.dtype != dtype
      else {
        fixed.formUnion(weight.companions.map { ExactName(source.tensors[$0].name) })
        apart.append(weight)
        continue
      }
      try requireKnown(weight, for: dtype)
      joined.insert(weight.values)
      if case .packed(let packed) = weight.scheme, let note = packed.note {
        losses.append(Loss(.readers, tensor: packed.name, detail: note))
      }
      for index in weight.activationScales where options.selection.takes(source.tensors[index].name) {
        losses.append(
          Loss(
            .dropped, tensor: source.tensors[index].name,
            detail: "is for activations of quantized weights, which these no longer are"))
      }
    }
    guard !joined.isEmpty else { return }
    self.joined = Set(joined.map { ExactName(source.tensors[$0].name) })
    checkpoint = scales.joined(source) { joined.contains($0.values) }
    guard !hasDeclaredScales(options.selection) else {
      try declareExceptions(scales.weights.filter { joined.contains($0.values) }, options)
      return
    }
    for (index, companion) in companions.enumerated() where companion.kind == .config {
      guard var document = try? JSONDocument.object(companion.bytes) else { continue }
      let removed = Self.removeDeclarations(from: &document)
      guard !removed.isEmpty else { continue }
      losses += removed
      self.companions[index].bytes = ConfigWriter.bytes(of: document)
    }
    if let beside = self.companions.firstIndex(where: { $0.name == CompanionName.quantization }) {
      self.companions.remove(at: beside)
      losses.append(
        Loss(.companion, detail: "\(CompanionName.quantization): the weights are not quantized any more"))
    }
  }

  /// What a weight's values are called, as they are stored and as tables show them.
  private func names(of weight: ScaleTensors.Weight) -> [String] {
    [source.tensors[weight.values].name] + (weight.packedName.map { [$0] } ?? [])
  }

  /// A selection that takes packed weights by the names that tables show as by those of their tensors.
  package func selection(_ asked: TensorSelection) -> TensorSelection {
    func extended(_ globs: [Glob]) -> [Glob] {
      globs
        + packed.flatMap { name, weight in
          let parts = ([weight.values] + weight.companions).map { source.tensors[$0].name }
          if globs.contains(where: { $0.matches(name) }) { return parts.map(Glob.init) }
          return globs.contains { $0.matches(source.tensors[weight.values].name) } ? [Glob(name)] : []
        }
    }
    guard !packed.isEmpty, !asked.include.isEmpty || !asked.exclude.isEmpty else { return asked }
    return TensorSelection(include: extended(asked.include), exclude: extended(asked.exclude))
  }

  /// What else the source's tensors are shown as, by their places in it: what their weights are called, and will be.
  ///
  /// - Parameter names: other names of the tensors of ``checkpoint``, by their places there.
  /// - Returns: these and the names of packed weights, by the places of their tensors in the source.
  package func otherNames(_ names: [Int: [String]]) -> [Int: [String]] {
    guard !packed.isEmpty || !joined.isEmpty else { return names }
    var places: [ExactName: Int] = [:]
    for (index, tensor) in source.tensors.enumerated() { places[ExactName(tensor.name)] = index }
    var others: [Int: [String]] = [:]
    for (name, weight) in packed {
      places[ExactName(name)] = weight.values
      others[weight.values] = [name]
    }
    for (index, also) in names {
      guard let place = places[ExactName(checkpoint.tensors[index].name)] else { continue }
      others[place, default: []] += also
    }
    return others
  }

  /// Tells programs which weights are numbers from now on, where others stay quantized.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` where the config has no place for that.
  private mutating func declareExceptions(
    _ weights: [ScaleTensors.Weight], _ options: ChangeRequest
  ) throws(IngotError) {
    let names = weights.map { $0.packedName ?? source.tensors[$0.values].name }
    let dtype = weights.first.flatMap { options.dtype(of: self.names(of: $0)) }
    let config = companions.firstIndex { $0.kind == .config }
    if let config, let exceptions = QuantizationExceptions(of: names),
      var document = try? JSONDocument.object(companions[config].bytes),
      let loss = exceptions.add(to: &document)
    {
      losses.append(loss)
      return companions[config].bytes = ConfigWriter.bytes(of: document)
    }
    throw .unrepresentable(
      tensor: names.first, target: dtype?.rawValue ?? "numbers",
      why: "its config declares a quantization that others keep, and has no place to say that it is none",
      hint: "\(option: .dtype) for all quantized weights, or for none")
  }

  /// Whether weights that a selection takes have their scales in tensors of their own still, as a config tells programs.
  package func hasDeclaredScales(_ selection: TensorSelection) -> Bool {
    isDeclared && apart.contains { selection.takes(source.tensors[$0.values].name) }
  }

  /// Throws where scales are still tensors of their own: names and layouts of a model know none.
  package func requireWhole(for target: String, _ selection: TensorSelection) throws(IngotError) {
    guard let weight = apart.first(where: { selection.takes(source.tensors[$0.values].name) }) else { return }
    let values = source.tensors[weight.values]
    throw .unrepresentable(
      tensor: values.name, target: target, why: "its \(values.dtype) have scales in tensors of their own",
      hint: "\(remedy: .applyScales), \(remedy: .keepNames)")
  }

  /// The config, when it is there and can be read; what is wrong with it is not for here to say.
  private static func config(
    _ path: String?, _ companions: [Companion], _ system: any SystemCalls
  ) throws(IngotError) -> Metadata? {
    let named = try path.map { (path) throws(IngotError) in try Companions.text(path, system: system) }
    let bytes = named ?? companions.first { $0.kind == .config }?.bytes
    return ScaleTensors.declaration(
      config: bytes.flatMap { try? JSONDocument.object($0) },
      beside: {
        companions.first { $0.name == CompanionName.quantization }.flatMap {
          try? JSONDocument.object($0.bytes)
        }
      })
  }

  /// Throws for a weight whose values can't be told from its scales.
  private func requireKnown(_ weight: ScaleTensors.Weight, for dtype: DType) throws(IngotError) {
    let values = source.tensors[weight.values]
    func refusal(_ why: Evidence) -> IngotError {
      .unrepresentable(
        tensor: values.name, target: dtype.rawValue, why: why,
        hint:
          "without \(option: .dtype) it is copied as it is, with its scales; \(remedy: .leaveOut)")
    }
    switch weight.scheme {
    case .unknown(let why): throw refusal(why)
    case .broken(let rule, let tensor, let found, let expected):
      let path = source.files.first?.path ?? source.format
      throw .malformed(rule.rule, at: Location(path, tensor: tensor), found: found, expected: expected)
    case .unreadable(let error): throw error
    case .known, .packed: break
    }
    for index in weight.zeros {
      let layout = source.tensors[index]
      guard layout.byteCount <= MemoryLayout<UInt64>.size,
        try ArrayLoader(source, work: work).bytes(.stored(name: layout.name, layout.parts[0])).allSatisfy({
          $0 == 0
        })
      else { throw refusal("\(layout.name) tells of another order of values than rows") }
    }
  }

  /// Names weights that a selection takes without their scales, and scales that it takes alone.
  private mutating func reportSeparation(by selection: TensorSelection) {
    for weight in apart {
      let values = source.tensors[weight.values].name
      for index in weight.companions {
        let name = source.tensors[index].name
        guard selection.takes(values) != selection.takes(name) else { continue }
        losses.append(
          selection.takes(values)
            ? Loss(
              .apart, tensor: values, detail: "is taken without \(name), without which it is not a weight")
            : Loss(.apart, tensor: name, detail: "is taken without \(values), whose values it scales"))
      }
    }
  }

  /// Names weights that renaming parts from their scales.
  package func losses(of renames: [TensorRename]) -> [Loss] {
    guard !renames.isEmpty, !apart.isEmpty else { return [] }
    func renamed(_ name: String) -> String { renames.lazy.compactMap { $0.apply(to: name) }.first ?? name }
    var tensors = source.tensors
    for index in tensors.indices { tensors[index].name = renamed(tensors[index].name) }
    var companions: [Int: Set<Int>] = [:]
    for weight in ScaleTensors(tensors).weights { companions[weight.values] = Set(weight.companions) }
    return apart.filter { !(companions[$0.values] ?? []).isSuperset(of: $0.companions) }.map { weight in
      Loss(
        .apart, tensor: tensors[weight.values].name,
        detail: "has a new name, which its scales do not share: nothing tells that they belong to it")
    }
  }

  /// Takes out of a config what it declares of quantized weights; says what that was.
  static func removeDeclarations(from document: inout Metadata) -> [Loss] {
    let keys = ScaleTensors.configKeys.filter { document[$0] != nil }
    for key in keys { document[key] = nil }
    return keys.map { Loss(.metadata, detail: "\($0): the weights are not quantized any more") }
  }
}
