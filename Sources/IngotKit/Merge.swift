// SPDX-License-Identifier: Apache-2.0
// Makes one checkpoint of several: adapters merged into their base, and weighted sums of models or of their differences
// from a base. What is computed is computed in float64 and rounded once, while all stream by. Page: formats/adapters.md.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotModels
import IngotOutput
import IngotTransforms

/// A checkpoint, or an adapter, with what it is multiplied by.
public struct WeightedInput: Hashable, Sendable {
  /// The path.
  public var path: String
  /// What its values, or its changes, are multiplied by.
  public var weight: Double

  /// Names an input.
  public init(_ path: String, weight: Double = 1) {
    (self.path, self.weight) = (path, weight)
  }
}

/// What is merged.
public enum MergeRecipe: Hashable, Sendable {
  /// LoRA adapters of PEFT, one after the other, each into what the ones before it made of the base.
  case adapters([WeightedInput], base: String)
  /// The sum of models, each times its weight.
  case linear([WeightedInput])
  /// A base plus the differences of models from it, each times its weight.
  case taskVectors([WeightedInput], base: String)

  /// All that is read besides the base.
  fileprivate var inputs: [WeightedInput] {
    switch self {
    case .adapters(let inputs, _), .linear(let inputs), .taskVectors(let inputs, _): inputs
    }
  }

  /// The option that it is asked for by.
  fileprivate var option: RequestOption {
    switch self {
    case .adapters: .weights
    case .linear: .linear
    case .taskVectors: .taskVectors
    }
  }

  /// The checkpoint whose names, types, metadata and companions the output has.
  fileprivate var reference: String {
    switch self {
    case .adapters(_, let base), .taskVectors(_, let base): base
    case .linear(let inputs): inputs.first?.path ?? ""
    }
  }
}

/// How a merge is to be written.
public struct MergeOptions: Sendable {
  /// The output's format id; `nil` takes it from the output's extension.
  public var format: String?
  /// What floating-point tensors become; `nil` for the base's dtypes.
  public var dtype: DType?
  /// What tensors of some names become; the last that matches holds.
  public var dtypeRules: [DTypeRule] = []
  /// What becomes of values beyond the dtype's range.
  public var onOverflow: OverflowPolicy = .refuse
  /// The most bytes of tensors in one file.
  public var shardByteLimit: Int?
  /// Whether an existing output is replaced.
  public var force = false
  /// Whether the output is read back and compared.
  public var check = false
  /// Whether to compress, in formats that can.
  public var compresses = false
  /// Whether dtypes that the format lacks are kept as bits, in formats that can.
  public var keepsUnknownBits = false
  /// Whether SHA-256 of each tensor is stored, in formats that can.
  public var storesSHA256 = false
  /// How the work is done.
  public var work = WorkOptions()
  /// What is known of base and models beyond their bytes.
  public var reading = ReadOptions()

  /// Makes options that keep the base's types.
  public init() {}

  /// What they ask of values.
  fileprivate var change: ChangeRequest {
    var change = ChangeRequest()
    (change.dtype, change.onOverflow, change.dialect, change.work) = (dtype, onOverflow, "keep", work)
    change.dtypeRules = dtypeRules
    return change
  }
}

/// What a merge did.
public struct MergeReport: Sendable {
  /// One of the checkpoints that went into it.
  public struct Input: Sendable {
    /// Its path.
    public var path: String
    /// What its values, or its changes, were multiplied by.
    public var weight: Double
    /// Tensors of the output that have something of it.
    public var tensorCount: Int
    /// The prefix that its names have and the base's lack; `nil` where they are alike.
    public var droppedPrefix: String?
    /// The prefix that the base's names have and its lack; `nil` where they are alike.
    public var addedPrefix: String?
  }

  /// What was written, as a conversion of the base tells it.
  public var conversion: ConversionReport
  /// What went into it besides the base, in order.
  public var inputs: [Input]
  /// Tensors that are made of several checkpoints.
  public var mergedCount: Int
}

extension Ingot {
  /// Merges checkpoints.
  ///
  /// - Parameters:
  ///   - recipe: what is merged.
  ///   - output: path of the output; `-` for standard output.
  ///   - options: how it is written.
  ///   - progress: hears of every byte.
  /// - Returns: what was done, and all that is not kept.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` with a rule of formats/adapters.md,
  ///   ``IngotCore/IngotError/unsupported(_:at:)`` for adapters that are not merged,
  ///   ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for models that do not fit together and for values that become NaN;
  ///   the reader's and the writer's errors. The destination then holds what it held before.
  public static func merge(
    _ recipe: MergeRecipe, to output: String, options: MergeOptions = MergeOptions(),
    progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> MergeReport {
    for input in recipe.inputs where !input.weight.isFinite {
      throw .invalidRequest(option: recipe.option, why: "\(input.path) needs a weight that is a number")
    }
    guard !recipe.inputs.isEmpty else {
      throw .invalidRequest(option: recipe.option, why: "nothing is named that could be merged")
    }
    return try Merge(recipe, to: output, options: options, progress: progress).run(progress: progress)
  }
}

/// A merge that is ready to run: inputs are open, the output is planned.
private struct Merge {
  private let recipe: MergeRecipe
  private let options: MergeOptions
  private let source: MergedSource
  private let models: [MergeModel]
  private let destination: OutputDestination
  private let planned: PlannedOutput
  private let memoryBound: Int

  private var system: any SystemCalls { options.work.system }

  init(
    _ recipe: MergeRecipe, to output: String, options: MergeOptions, progress: (any ProgressObserver)?
  ) throws(IngotError) {
    (self.recipe, self.options) = (recipe, options)
    let system = options.work.system
    models = try Self.models(of: recipe, options: options)
    guard let reference = models.first else { throw .internal("a merge without a base") }
    destination = try Self.destination(output, for: reference, options: options)
    var source = try Self.merged(recipe, models, work: options.work, progress: progress)
    source.followAliases()
    self.source = source
    let companions = try Companions(
      of: reference.checkpoint, at: reference.path, for: destination, system: system)
    let scaled = try ScaledSource(
      source.checkpoint, companions: companions.files, options: options.change)
    try options.change.requireUseOfRules(
      by: source.checkpoint, alsoKnownAs: [:], joined: scaled.joined)
    var draft = try PlainConversion(
      source: scaled, options: options.change, destination: destination, merged: source.values
    ).output
    draft.losses += companions.losses + scaled.losses + source.losses
    options.configure(&draft, keepsLongNames: true)
    draft.stateDType(options.dtype, for: destination)
    planned = try draft.planned(for: destination)
    memoryBound = source.checkpoint.writingBound(companions) + source.heldByteCount
  }

  /// The base and the models, opened; adapters are opened when they are merged.
  private static func models(
    of recipe: MergeRecipe, options: MergeOptions
  ) throws(IngotError) -> [MergeModel] {
    let paths: [String] =
      switch recipe {
      case .adapters(_, let base): [base]
      case .linear(let inputs): inputs.map(\.path)
      case .taskVectors(let inputs, let base): [base] + inputs.map(\.path)
      }
    let opener = CheckpointOpener(options: options.reading, work: options.work)
    let models = try paths.map { (path) throws(IngotError) in
      MergeModel(try opener.open(path), path: path, work: options.work)
    }
    try options.reading.requireUse(at: paths, by: models.map(\.checkpoint), work: options.work)
    return models
  }

  private static func destination(
    _ output: String, for reference: MergeModel, options: MergeOptions
  ) throws(IngotError) -> OutputDestination {
    let system = options.work.system
    let keepsName = Companions.keepsName(of: reference.checkpoint, at: reference.path, system: system)
    let destination = try OutputDestination(
      output, format: options.format, isSharded: options.shardByteLimit != nil,
      keepingNameOf: keepsName ? reference.checkpoint : nil, system)
    try options.requireAbilities(of: destination)
    guard
      Dialect.implied(byFormat: destination.formatID) == nil
        || reference.checkpoint.format == destination.formatID
    else {
      throw .unrepresentable(
        tensor: nil, target: destination.formatID,
        why: "merged tensors keep the base's names, and its program has others",
        hint: "write a safetensors file, and then \(verb: .convert)")
    }
    return destination
  }

  private static func merged(
    _ recipe: MergeRecipe, _ models: [MergeModel], work: WorkOptions, progress: (any ProgressObserver)?
  ) throws(IngotError) -> MergedSource {
    guard let first = models.first else { throw .internal("a merge without a base") }
    switch recipe {
    case .adapters(let inputs, _):
      var source = MergedSource(first.checkpoint)
      for input in inputs {
        var adapter = try AdapterMerge(input.path, factor: input.weight, work: work)
        try adapter.merge(into: &source, base: first, progress: progress)
      }
      return source
    case .linear(let inputs):
      return try ModelCombination(Array(zip(models, inputs.map(\.weight))), from: nil, work: work).merged()
    case .taskVectors(let inputs, _):
      return try ModelCombination(
        Array(zip(models.dropFirst(), inputs.map(\.weight))), from: first, work: work
      ).merged()
    }
  }

  /// Writes the output.
  func run(progress: (any ProgressObserver)?) throws(IngotError) -> MergeReport {
    let checkpoint = source.checkpoint
    let output = PlanWriter(
      planned, files: SourceFiles(checkpoint.files, system: system), work: options.work,
      extraDigests: options.check ? [.xxh3] : [])
    let beside = models.flatMap {
      Companions.files(beside: $0.path, of: $0.checkpoint, output: destination, system: system)
    }
    let result = try destination.write(
      output, force: options.force, sources: checkpoint.files + beside, system: system, progress: progress
    ) { (written, path) throws(IngotError) in
      guard options.check else { return }
      try ReadBack(
        names: planned.tensors.map(\.name), written: written.parts, work: options.work
      ).run(path, for: destination.path, progress: progress)
    }
    return report(result)
  }

  private func report(_ result: PlanWriter.Result) -> MergeReport {
    let known = Set(source.checkpoint.findings)
    let findings =
      source.checkpoint.findings + source.findings + planned.plan.findings.filter { !known.contains($0) }
    let conversion = ConversionReport(
      input: recipe.reference, inputFormat: source.checkpoint.format, output: destination.path,
      outputFormat: destination.formatID, byteCount: result.byteCount, tensorCount: planned.tensors.count,
      dialects: nil, transposedCount: 0,
      fileNames: destination.isFolder ? planned.plan.files.map(\.name) : [],
      losses: planned.losses + castLosses(result),
      findings: findings.filter { $0.kind != .leftOut }, leftovers: result.leftovers,
      wasChecked: options.check, memoryBound: memoryBound)
    return MergeReport(
      conversion: conversion,
      inputs: source.inputs.map { input in
        MergeReport.Input(
          path: input.path, weight: input.weight, tensorCount: input.tensorCount,
          droppedPrefix: input.prefix.flatMap { $0.dropped.isEmpty ? nil : $0.dropped },
          addedPrefix: input.prefix.flatMap { $0.added.isEmpty ? nil : $0.added })
      },
      mergedCount: source.values.count)
  }

  /// What casting lost: that a sum is rounded to the base's dtype is no loss, for it has no other.
  private func castLosses(_ result: PlanWriter.Result) -> [Loss] {
    let made = Set(source.values.keys.map { ExactName(source.checkpoint.tensors[$0].name) })
    return planned.castLosses(result, onOverflow: options.onOverflow).filter { loss in
      guard loss.kind == .cast, options.dtype == nil, let tensor = loss.tensor else { return true }
      return !made.contains(ExactName(tensor))
    }
  }
}
