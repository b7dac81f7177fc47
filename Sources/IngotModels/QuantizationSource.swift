// SPDX-License-Identifier: Apache-2.0
// What is quantized: a model, or a checkpoint of which none is known, since it has no config or one that names no
// architecture that is known. What is there and broken stays an error.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotOutput
import IngotQuantization

/// A checkpoint of which no model is known.
package struct UnknownModel: Sendable {
  /// The path as given.
  package let path: String
  /// The checkpoint; weights whose scales are tensors of their own are one tensor each.
  package let checkpoint: Checkpoint
  /// Why no model is known.
  package let reason: Evidence
  let work: WorkOptions
}

/// What can be quantized: a model, or a checkpoint of which none is known.
package enum QuantizationSource: Sendable {
  /// A model.
  case model(Model)
  /// A checkpoint of which none is known.
  case unknown(UnknownModel, joinsScales: Bool)

  /// Opens a checkpoint: as a model, unless it has no config, or one that names no architecture that is known.
  ///
  /// - Parameters:
  ///   - path: the checkpoint: a file, index or folder.
  ///   - config: the config's file, which is a model's; `nil` to look for it.
  ///   - head: which head is meant, which only a model has two of.
  ///   - reading: how to read.
  ///   - work: how the work is done.
  /// - Throws: the errors of opening a model; ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for an adapter.
  package init(
    _ path: String, config: String?, head: HeadTie, reading: ReadOptions, work: WorkOptions
  ) throws(IngotError) {
    let (checkpoint, joinsScales) = try Model.opened(path, reading: reading, work: work)
    try reading.requireUse(at: [path], by: [checkpoint], work: work)
    if config == nil, head == .asIs,
      let reason = Model.unknownArchitecture(of: checkpoint, at: path, work.system)
    {
      let unknown = UnknownModel(path: path, checkpoint: checkpoint, reason: reason, work: work)
      try unknown.requireNoAdapter()
      self = .unknown(unknown, joinsScales: joinsScales)
      return
    }
    let model = try Model(
      checkpoint, path: path, config: config, head: head, work: work, joinsScales: joinsScales)
    try Model.requireStoredHead(head, in: [model])
    try model.requireSound()
    self = .model(model)
  }

  /// The checkpoint.
  package var checkpoint: Checkpoint {
    switch self {
    case .model(let model): model.checkpoint
    case .unknown(let unknown, _): unknown.checkpoint
    }
  }

  /// An error as it is thrown: of values that are not finite it names the first, where `validate`, which would, knows no model;
  /// of a model's it says how the weight is kept.
  ///
  /// - Parameter error: the error of a quantization.
  /// - Returns: the error, or a better one.
  package func named(_ error: IngotError) -> IngotError {
    guard error.remedies.contains(.findNonFinite) else { return error }
    let keeping: Evidence = "\(option: .rules, "GLOB=keep") with \(option: .nonFinite) keeps it as it is"
    guard case .unknown(let unknown, _) = self else {
      let hint: Evidence = "\(remedy: .findNonFinite); \(keeping)"
      return switch error {
      case .unsuitable(let location, let why, _): .unsuitable(location, why: why, hint: hint)
      case .unrepresentable(let tensor, let target, let why, _):
        .unrepresentable(tensor: tensor, target: target, why: why, hint: hint)
      default: error
      }
    }
    let name: String?
    switch error {
    case .unsuitable(let location, _, _): name = location.tensor
    case .unrepresentable(let tensor, _, _, _): name = tensor
    default: name = nil
    }
    guard let index = checkpoint.tensors.firstIndex(where: { $0.name == name }),
      let finding = try? checkpoint.nonFiniteFindings(of: [index], work: unknown.work).first
    else { return error }
    return .unsuitable(
      Location(unknown.path, tensor: finding.subject), why: finding.detail, hint: keeping)
  }

  /// Throws for weights that are quantized already, with scales in tensors of their own; packed ones of a model may become
  /// blocks under another program's names.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` naming the first.
  package func requireWhole(for destination: OutputDestination) throws(IngotError) {
    let (path, joinsScales, becomesBlocks) =
      switch self {
      case .model(let model):
        (model.path, model.joinsScales, Dialect.implied(byFormat: destination.formatID) != nil)
      case .unknown(let unknown, let joinsScales): (unknown.path, joinsScales, false)
      }
    guard joinsScales,
      let tensor = checkpoint.tensors.first(where: {
        $0.quantization != nil || ($0.packing != nil && !becomesBlocks)
      })
    else { return }
    let type = tensor.packing == nil ? tensor.dtype.rawValue : tensor.typeName
    throw .unsuitable(
      Location(path, tensor: tensor.name), why: "is \(words: type) with scales in tensors of their own",
      hint: .remedy(.applyScales))
  }
}

extension UnknownModel {
  /// Throws for an adapter: a checkpoint with factors, and without the weights that these are for.
  fileprivate func requireNoAdapter() throws(IngotError) {
    let names = Set(checkpoint.tensors.map(\.name))
    let factors = checkpoint.tensors.filter {
      $0.shape.rank == 2 && MatrixUse($0.name, shape: $0.shape) == .adapter
    }
    guard let first = factors.first else { return }
    let isBeside = factors.contains { factor in
      guard let end = factor.name.firstRange(of: ".lora_")?.lowerBound else { return false }
      let module = factor.name[..<end]
      return names.contains("\(module).weight") || names.contains("\(module).base_layer.weight")
    }
    guard !isBeside else { return }
    throw .unsuitable(
      Location(path, tensor: first.name),
      why: "is a factor of an adapter, whose base is not here",
      hint: "what it is merged into can be quantized")
  }
}
