// SPDX-License-Identifier: Apache-2.0
// Merges one of PEFT's LoRA adapters into a base, as `merge_and_unload` does: every tensor of the adapter finds its place
// in the base, by name, or the merge is refused naming it. Page: formats/adapters.md.
import IngotBytes
import IngotCore
import IngotEncodings
import IngotFormats
import IngotKernels
import IngotOutput
import IngotTransforms

/// An adapter that is ready to be merged.
package struct AdapterMerge {
  private let path: String
  private let factor: Double
  private let work: WorkOptions
  private let files: AdapterFiles
  private let config: AdapterConfig
  private let checkpoint: Checkpoint
  /// The modules, in the order of the file.
  private var modules: [AdapterModule] = []
  /// Tensors that take the place of the base's, by its names.
  private var stored: [(name: String, tensor: TensorDescriptor)] = []

  /// Opens an adapter and reads its config.
  ///
  /// - Parameters:
  ///   - path: the folder, or the weights in it.
  ///   - factor: what its changes are multiplied by.
  ///   - work: how the work is done.
  /// - Throws: the readers' errors, and those of ``AdapterRule``.
  package init(_ path: String, factor: Double, work: WorkOptions) throws(IngotError) {
    (self.path, self.factor, self.work) = (path, factor, work)
    files = try AdapterFiles(at: path, system: work.system)
    config = try AdapterConfig(Companions.text(files.config, system: work.system), path: files.config)
    checkpoint = try CheckpointOpener(work: work).open(files.weights)
  }

  /// Merges it into what a base has become so far.
  ///
  /// - Parameters:
  ///   - source: the base.
  ///   - base: the base as it was opened.
  ///   - progress: hears of bytes read for the sizes of channels.
  /// - Throws: the errors of ``AdapterRule`` and of reading.
  package mutating func merge(
    into source: inout MergedSource, base: MergeModel, progress: (any ProgressObserver)?
  ) throws(IngotError) {
    try sort(source.addFiles(of: checkpoint))
    try requireWholeChange()
    let names = BaseNames(
      source.checkpoint.tensors, wanted: modules.map(\.weightName) + stored.map(\.name))
    var places = Places(source: source, base: base, names: names, path: files.weights)
    var replaced: [Int] = []
    for (name, tensor) in stored {
      let index = try places.take(name, for: tensor.name)
      // A layer that is adapted may be there with its base, which is embedding and head of the adapted model too.
      guard index != places.sharedEmbedding || AdapterTensorName.isBaseLayer(tensor.name) else {
        throw replacingHead(tensor, base)
      }
      try place(tensor, at: index, in: &source)
      replaced.append(index)
    }
    places.taken = [:]
    let embeddingChange = modules.first { names.index(of: $0.weightName) == places.sharedEmbedding }
    var changes: [(index: Int, change: AdapterModule.Change, magnitudes: TensorDescriptor?)] = []
    for module in modules {
      let index = try places.take(module.weightName, for: module.tensorName)
      let weight = source.checkpoint.tensors[index]
      let change = try module.change(of: weight, config: config, factor: factor, path: files.weights) {
        () throws(IngotError) in try squareHasInputsFirst(module.name, base)
      }
      changes.append((index, change, try magnitudes(of: module, change)))
    }
    let heldByteCount = try update(&source, with: changes, progress: progress)
    source.losses += files.losses(
      checkpoint, base: CompanionScan.folder(of: base.path, system: work.system), system: work.system)
    source.losses += checkpoint.unread
    source.findings += checkpoint.findings.filter { $0.kind != .leftOut } + otherBase(base)
    if places.sharedEmbedding != nil, let embeddingChange {
      source.findings.append(changedHead(embeddingChange, base))
    }
    source.note(
      MergedSource.Input(
        path: path, weight: factor, tensorCount: Set(replaced + changes.map(\.index)).count,
        prefix: names.prefix),
      heldByteCount: heldByteCount)
  }

  /// Sorts the tensors by what they are for.
  private mutating func sort(_ tensors: [TensorDescriptor]) throws(IngotError) {
    var numbers: [ExactName: Int] = [:]
    for tensor in tensors {
      let name = try AdapterTensorName(tensor.name, path: files.weights)
      guard name.part != .stored else {
        stored.append((name.module, tensor))
        continue
      }
      let number = numbers[ExactName(name.module)] ?? modules.count
      if number == modules.count {
        modules.append(AdapterModule(name.module))
        numbers[ExactName(name.module)] = number
      }
      try modules[number].add(name.part, tensor, path: files.weights)
    }
    guard !tensors.isEmpty else {
      throw .unsuitable(Location(files.weights), why: "holds no tensor", hint: nil)
    }
  }

  /// Throws where a weight is asked for and something would change that has no measure of it.
  private func requireWholeChange() throws(IngotError) {
    guard factor != 1 else { return }
    var what: Evidence? = config.usesMagnitudes ? "sets the sizes of channels (use_dora)" : nil
    if what == nil, let first = stored.first { what = "replaces \(first.name)" }
    guard let what else { return }
    throw .invalidRequest(
      option: .weights, why: "\(path) \(what), which is either done or not: its weight is 1")
  }

  /// Where the base has what tensors of the adapter are for.
  private struct Places {
    let source: MergedSource
    let base: MergeModel
    let names: BaseNames
    let path: String
    let own: [ExactName: Int]
    /// The tensor that is token embedding and head in one; `nil` where the head is its own, or no config tells.
    let sharedEmbedding: Int?
    var taken: [Int: String] = [:]

    init(source: MergedSource, base: MergeModel, names: BaseNames, path: String) {
      (self.source, self.base, self.names, self.path) = (source, base, names, path)
      sharedEmbedding = base.sharedEmbedding
      var own: [ExactName: Int] = [:]
      for (index, tensor) in source.checkpoint.tensors.enumerated() { own[ExactName(tensor.name)] = index }
      self.own = own
    }

    /// The base's tensor of a name, which is for one of the adapter's alone.
    mutating func take(_ name: String, for tensor: String) throws(IngotError) -> Int {
      guard let found = names.index(of: name) else {
        try base.requireNoCodes(of: name)
        if sharedEmbedding != nil, name.hasSuffix("lm_head.weight") {
          throw base.hasNoHead(for: tensor, path)
        }
        let near = NearestText.match(name, among: base.checkpoint.tensors.lazy.map(\.name).prefix(1000))
        let hint: Evidence = near.map { "; the nearest is \($0)" } ?? ""
        throw .malformed(
          AdapterRule.place.rule, at: Location(path, tensor: tensor),
          found: "no tensor \(name) in \(base.path)\(hint)", expected: "its place in the base")
      }
      try base.requireReal(found)
      let index = source.canonical(found, own)
      if let other = taken.updateValue(tensor, forKey: index) {
        throw .malformed(
          AdapterRule.unique.rule, at: Location(path, tensor: tensor), found: "\(other) for the same",
          expected: "one tensor")
      }
      return index
    }
  }

  /// Puts a tensor in the place of one of the base's.
  private func place(
    _ tensor: TensorDescriptor, at index: Int, in source: inout MergedSource
  ) throws(IngotError) {
    let old = source.checkpoint.tensors[index]
    guard tensor.shape == old.shape, tensor.isRealWeight else {
      throw .malformed(
        AdapterRule.stored.rule, at: Location(files.weights, tensor: tensor.name),
        found: "\(words: tensor.typeName) of \(tensor.shape)",
        expected: "a floating-point dtype, and \(old.shape) as \(old.name)")
    }
    let values = WeightedSum(
      [WeightedSum.Term(.stored(name: tensor.name, tensor.parts[0]), times: 1)], path: files.weights)
    source.set(index, .summed(values), .replaced)
  }

  /// Whether a square weight is `[in, out]`: by the config's word, or by what transformers calls such layers.
  private func squareHasInputsFirst(_ module: String, _ base: MergeModel) throws(IngotError) -> Bool {
    if config.hasInputsFirst { return true }
    guard let isTurned = InputsFirst.holds(forLayer: module, modelType: base.config?.string("model_type"))
    else {
      throw .unsuitable(
        Location(base.path, tensor: module + ".weight"),
        why: "is square, and no config tells whether inputs come first, as in GPT-2, or last",
        hint: "put the model's config.json beside it")
    }
    return isTurned
  }

  /// The sizes that a module's channels get.
  private func magnitudes(
    of module: AdapterModule, _ change: AdapterModule.Change
  ) throws(IngotError) -> TensorDescriptor? {
    let tensor = module.tensors[.magnitude]
    guard (tensor != nil) == config.usesMagnitudes,
      tensor.map({ $0.shape.elementCount == change.outputCount }) ?? true
    else {
      throw .malformed(
        AdapterRule.magnitude.rule, at: Location(files.weights, tensor: tensor?.name ?? module.tensorName),
        found: tensor.map { "sizes of shape \($0.shape)" } ?? "no sizes of channels",
        expected: config.usesMagnitudes ? "\(change.outputCount) of them" : "none without use_dora")
    }
    return tensor
  }

  /// Updates weights; returns the bytes that are kept for it.
  private func update(
    _ source: inout MergedSource,
    with changes: [(index: Int, change: AdapterModule.Change, magnitudes: TensorDescriptor?)],
    progress: (any ProgressObserver)?
  ) throws(IngotError) -> Int {
    var heldByteCount = 0
    let matrices = changes.map { (index, change, _) in
      LazyPart.updated(
        source.part(of: index).reshape(to: change.matrix).casting(to: .f64, onOverflow: .refuse),
        change.update)
    }
    let measured = changes.indices.filter { changes[$0].magnitudes != nil }
    let norms = try ChannelNorms.measure(
      measured.map { (matrices[$0], changes[$0].change.axis) },
      files: SourceFiles(source.checkpoint.files, system: work.system), work: work, progress: progress)
    let normsByChange = Dictionary(uniqueKeysWithValues: zip(measured, norms))
    let loader = ArrayLoader(source.checkpoint, work: work)
    for (number, (index, change, magnitudes)) in changes.enumerated() {
      var part = matrices[number]
      if let magnitudes, let norms = normsByChange[number], case .updated(let old, var update) = part {
        guard !norms.contains(0) else {
          throw .unsuitable(
            Location(path, tensor: source.checkpoint.tensors[index].name),
            why: "has a channel of zeros after the change, which use_dora divides by the size of", hint: nil)
        }
        let sizes = try loader.doubles(.stored(name: magnitudes.name, magnitudes.parts[0]))
        let factors = zip(sizes, norms).map { $0 / $1 }
        update.factors = change.axis == .rows ? .rows(factors) : .columns(factors)
        part = .updated(old, update)
        heldByteCount += factors.count * MemoryLayout<Double>.size
      }
      source.set(
        index, part.reshape(to: source.checkpoint.tensors[index].shape), .lowRankAdded(rank: change.rank))
    }
    return heldByteCount
  }

  /// The error of an adapter that replaces the embedding, of which the base makes its head, and PEFT makes none.
  private func replacingHead(_ tensor: TensorDescriptor, _ base: MergeModel) -> IngotError {
    .unsuitable(
      Location(files.weights, tensor: tensor.name),
      why: "replaces the token embedding, which is the head of \(base.path) too, and stays that in PEFT",
      hint: "\(option: .untie) gives the base a head of its own")
  }

  /// A remark that a change of the embedding is one of the head.
  private func changedHead(_ module: AdapterModule, _ base: MergeModel) -> Finding {
    Finding(
      .tiedDiffers, severity: .note, subject: module.tensorName,
      detail:
        "changes the token embedding and, as in PEFT, the head of \(base.path), which did not change in training"
    )
  }

  /// A remark where the adapter and the base name different models.
  private func otherBase(_ base: MergeModel) -> [Finding] {
    guard let wanted = config.baseName, !wanted.isEmpty, let own = base.config?.string("_name_or_path"),
      !own.isEmpty, FilePath.name(of: wanted) != FilePath.name(of: own)
    else { return [] }
    return [
      Finding(
        .otherModel, severity: .note, subject: path,
        detail: "was trained on \(wanted), and the base calls itself \(own)")
    ]
  }
}

extension AdapterModule {
  /// The base's name of the weight.
  fileprivate var weightName: String { name + ".weight" }
  /// A tensor of it, for messages.
  fileprivate var tensorName: String { tensors.values.map(\.name).min() ?? name }
}

extension Checkpoint {
  /// What its reader left out of it.
  fileprivate var unread: [Loss] {
    findings.filter { $0.kind == .leftOut }.map { Loss(.metadata, detail: "\($0.subject): \($0.detail)") }
  }
}
