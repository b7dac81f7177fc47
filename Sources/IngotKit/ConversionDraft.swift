// SPDX-License-Identifier: Apache-2.0
// Turns a source's tensors into what is to be written: which ones, as what dtype, at what loss.
import IngotCore
import IngotFormats
import IngotKernels

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
  ) throws(IngotError) {
    self.source = source
    self.options = options
    keepsAliases = writer.keepsAliases
    output = OutputDraft(of: source)
    output.companions = companions
    try addTensors()
  }

  private mutating func addTensors() throws(IngotError) {
    let selection = options.selection
    for (index, tensor) in source.tensors.enumerated() {
      guard selection.takes(tensor.name) else {
        output.losses.append(
          Loss(.dropped, tensor: tensor.name, detail: "left out by --include or --exclude"))
        continue
      }
      if tensor.aliasOf != nil, options.head == .tie {
        output.losses.append(
          Loss(.alias, tensor: tensor.name, detail: "is not stored: another name of a tensor"))
        continue
      }
      var aliasOf = tensor.aliasOf
      if let target = aliasOf, !keepsAliases || options.head == .untie || !selection.takes(target) {
        aliasOf = nil
        output.losses.append(
          Loss(
            .alias, tensor: tensor.name, detail: "shares its bytes with \(target), and is stored in full"))
      }
      if let dtype = options.dtype, let blockType = tensor.blockType {
        try output.dequantize(index, blockType, to: dtype, onOverflow: options.onOverflow)
      } else if let dtype = options.dtype, tensor.quantization == nil, tensor.dtype.isFloating,
        tensor.dtype != dtype
      {
        output.cast(index, to: dtype, onOverflow: options.onOverflow, aliasOf: aliasOf)
      } else {
        output.keep(index, aliasOf: aliasOf)
      }
    }
  }
}
