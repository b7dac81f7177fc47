// SPDX-License-Identifier: Apache-2.0
// Turns a source's tensors into what is to be written: which ones, as what dtype, at what loss.
import IngotCore
import IngotFormats
import IngotKernels
import IngotTransforms

/// The tensors of a conversion while they are being collected.
struct ConversionDraft {
  private let source: Checkpoint
  private let options: ConvertOptions
  private let keepsAliases: Bool
  /// What is to be written.
  private(set) var output: OutputDraft

  /// Collects every tensor that the selection takes.
  init(
    source: Checkpoint, options: ConvertOptions, writer: any CheckpointWriter, companions: [Companion]
  ) {
    self.source = source
    self.options = options
    keepsAliases = writer.keepsAliases
    output = OutputDraft(of: source)
    output.companions = companions
    output.configure { request in
      request.shardByteLimit = options.shardByteLimit
      request.compresses = options.compresses
      request.keepsUnknownBits = options.keepsUnknownBits
      request.storesSHA256 = options.storesSHA256
    }
    addTensors()
  }

  private mutating func addTensors() {
    let taken = Set(source.tensors.lazy.map(\.name).filter(options.selection.takes))
    for tensor in source.tensors {
      guard taken.contains(tensor.name) else {
        output.losses.append(
          Loss(.dropped, tensor: tensor.name, detail: "left out by --include or --exclude"))
        continue
      }
      var tensor = tensor
      if let target = tensor.aliasOf, !keepsAliases || !taken.contains(target) {
        tensor.aliasOf = nil
        output.losses.append(
          Loss(
            .alias, tensor: tensor.name, detail: "shares its bytes with \(target), and is stored in full"))
      }
      add(tensor)
    }
  }

  private mutating func add(_ tensor: TensorDescriptor) {
    guard tensor.quantization == nil, let target = options.dtype, tensor.dtype.isFloating,
      tensor.dtype != target
    else { return output.keep(tensor) }
    let stored = LazyPart.stored(name: tensor.name, tensor.parts[0])
    output.add(
      PlannedTensor(
        name: tensor.name, dtype: target, shape: tensor.shape, aliasOf: tensor.aliasOf,
        transforms: ["cast \(tensor.dtype.rawValue) to \(target.rawValue)"]),
      [.cast(stored, to: target, onOverflow: options.onOverflow)])
  }
}
