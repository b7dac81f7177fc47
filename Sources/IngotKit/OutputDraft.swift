// SPDX-License-Identifier: Apache-2.0
// What an output is to hold, collected tensor by tensor, and the plan that a writer makes of it.
import IngotCore
import IngotFormats
import IngotTransforms

/// The tensors and companions of an output while they are being collected.
struct OutputDraft {
  /// What the writer is asked for.
  private(set) var request: WriteRequest
  /// What each tensor's parts are made of.
  private(set) var parts: [[LazyPart]] = []
  /// What is not kept.
  var losses: [Loss] = []
  /// Files that travel along where the output holds them.
  var companions: [Companion] = []

  /// Starts an output that is made of a checkpoint.
  init(of source: Checkpoint) {
    self.init(metadata: source.metadata)
    // An index describes the set it stands beside, not the tensors.
    request.metadata["index"] = nil
    request.sources = source.files
    request.sourceFormat = source.format
  }

  /// Starts an output that is made of nothing on disk.
  init(metadata: Metadata) {
    request = WriteRequest(tensors: [], metadata: metadata, fileName: "")
  }

  /// Adds a tensor made of some parts.
  mutating func add(_ tensor: PlannedTensor, _ lazy: [LazyPart]) {
    request.tensors.append(tensor)
    parts.append(lazy)
  }

  /// Adds a stored tensor as it is, its quantization included.
  mutating func keep(_ tensor: TensorDescriptor) {
    var planned = PlannedTensor(
      name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, aliasOf: tensor.aliasOf)
    if let quantization = tensor.quantization {
      planned.quantization = PlannedQuantization(
        scheme: quantization.scheme,
        parts: quantization.parts.map { PlannedPart(kind: $0.kind, dtype: $0.dtype, shape: $0.shape) })
    }
    add(planned, tensor.parts.map { .stored(name: tensor.name, $0) })
  }

  /// Sets what a writer may do.
  mutating func configure(_ change: (inout WriteRequest) -> Void) {
    change(&request)
  }

  /// Plans the output for a destination.
  ///
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for what the format can't hold.
  func planned(for destination: OutputDestination) throws(IngotError) -> PlannedOutput {
    var request = request
    var losses = losses
    request.fileName = destination.fileName
    request.isFolder = destination.isFolder
    let travelling = companions.filter { $0.kind != .shardIndex }
    if destination.writer.holdsCompanions, !destination.isFolder {
      request.companions = travelling
    } else if !destination.isFolder {
      losses += travelling.map { companion in
        Loss(
          .companion,
          detail:
            "\(companion.name): \(words: destination.formatID) files hold weights only; a folder takes it along"
        )
      }
    }
    var plan = try destination.writer.plan(request)
    if destination.isFolder {
      plan.files += travelling.map { PlannedFile(name: $0.name, chunks: [.bytes($0.bytes)]) }
    }
    guard !destination.isStream || (plan.streams && plan.files.count == 1) else {
      throw .unrepresentable(
        tensor: nil, target: destination.formatID, why: "it can't be written to a stream", hint: "name a file"
      )
    }
    return PlannedOutput(plan: plan, tensors: request.tensors, parts: parts, losses: losses + plan.losses)
  }
}

/// An output that is ready to be written.
struct PlannedOutput: Sendable {
  /// The files.
  let plan: WritePlan
  /// The tensors.
  let tensors: [PlannedTensor]
  /// What each tensor's parts are made of.
  let parts: [[LazyPart]]
  /// What is not kept, as far as that is known before writing.
  let losses: [Loss]
}
