// SPDX-License-Identifier: Apache-2.0
// Turns a source's tensors into what is to be written: which ones, as what dtype, from which bytes, at what loss.
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// The tensors of a conversion while they are being collected.
struct ConversionDraft {
  private let source: Checkpoint
  private let options: ConvertOptions
  private let keepsAliases: Bool
  private let holdsCompanions: Bool
  /// What the writer is asked for.
  var request: WriteRequest
  /// What each tensor's parts are made of.
  var parts: [[LazyPart]] = []
  /// What is not kept.
  var losses: [Loss] = []

  init(source: Checkpoint, options: ConvertOptions, writer: any CheckpointWriter) {
    self.source = source
    self.options = options
    keepsAliases = writer.keepsAliases
    holdsCompanions = writer.holdsCompanions
    request = WriteRequest(tensors: [], metadata: source.metadata, fileName: "")
    // An index describes the set it stands beside, not the tensors.
    request.metadata["index"] = nil
    request.sources = source.files
    request.sourceFormat = source.format
    request.shardByteLimit = options.shardByteLimit
    request.compresses = options.compresses
    request.keepsUnknownBits = options.keepsUnknownBits
    request.storesSHA256 = options.storesSHA256
  }

  /// Takes every tensor that the selection takes.
  mutating func addTensors() throws(IngotError) {
    let taken = Set(source.tensors.lazy.map(\.name).filter(options.selection.takes))
    for tensor in source.tensors {
      guard taken.contains(tensor.name) else {
        losses.append(Loss(.dropped, tensor: tensor.name, detail: "left out by --include or --exclude"))
        continue
      }
      var tensor = tensor
      if let target = tensor.aliasOf, !keepsAliases || !taken.contains(target) {
        tensor.aliasOf = nil
        losses.append(
          Loss(.alias, tensor: tensor.name, detail: "shares its bytes with \(target), and is stored in full"))
      }
      add(tensor)
    }
  }

  private mutating func add(_ tensor: TensorDescriptor) {
    var planned = PlannedTensor(
      name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, aliasOf: tensor.aliasOf)
    var lazy = tensor.parts.map { LazyPart.stored(name: tensor.name, $0) }
    if let quantization = tensor.quantization {
      planned.quantization = PlannedQuantization(
        scheme: quantization.scheme,
        parts: quantization.parts.map { PlannedPart(kind: $0.kind, dtype: $0.dtype, shape: $0.shape) })
    } else if let target = options.dtype, tensor.dtype.isFloating, tensor.dtype != target {
      lazy = [.cast(lazy[0], to: target, onOverflow: options.onOverflow)]
      planned.dtype = target
      planned.transforms = ["cast \(tensor.dtype.rawValue) to \(target.rawValue)"]
    }
    request.tensors.append(planned)
    parts.append(lazy)
  }

  /// Lets companions travel along where the output holds them, and says so where it does not.
  mutating func add(_ companions: [Companion], destination: OutputDestination) {
    let travelling = companions.filter { $0.kind != .shardIndex }
    if holdsCompanions, !destination.isFolder {
      request.companions = travelling
    } else if !destination.isFolder {
      for companion in travelling {
        losses.append(
          Loss(
            .companion,
            detail:
              "\(companion.name): \(words: destination.formatID) files hold weights only; a folder takes it along"
          ))
      }
    }
  }
}
