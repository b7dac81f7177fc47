// SPDX-License-Identifier: Apache-2.0
// Turns a source's tensors into what is to be written: which ones, as what dtype, at what loss.
import IngotCore
import IngotDialects
import IngotFormats
import IngotKernels

/// The tensors of a conversion while they are being collected.
struct ConversionDraft {
  private let source: Checkpoint
  private let options: ConvertOptions
  private let keepsAliases: Bool
  /// Whether it is a model for llama.cpp, with vectors in the one type that it knows.
  private let isForLlamaCpp: Bool
  /// What is to be written.
  private(set) var output: OutputDraft

  /// Collects every tensor that the selection takes.
  init(
    source: Checkpoint, options: ConvertOptions, destination: OutputDestination, companions: [Companion]
  ) throws(IngotError) {
    self.source = source
    self.options = options
    keepsAliases = destination.writer.keepsAliases
    isForLlamaCpp =
      destination.formatID == "gguf" && source.metadata.string("general.architecture") != nil
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
      let dtype = dtype(of: tensor)
      if let dtype, let blockType = tensor.blockType {
        try output.dequantize(index, blockType, to: dtype, onOverflow: options.onOverflow)
      } else if let dtype, tensor.quantization == nil, tensor.dtype.isFloating,
        tensor.dtype != dtype
      {
        output.cast(index, to: dtype, onOverflow: options.onOverflow, aliasOf: aliasOf)
      } else {
        output.keep(index, aliasOf: aliasOf)
      }
    }
  }

  /// What a tensor's numbers become; `nil` when they stay as they are.
  private mutating func dtype(of tensor: TensorDescriptor) -> DType? {
    guard let dtype = options.dtype, dtype != .f32, isForLlamaCpp,
      LlamaCppTypes.staysFloat32(tensor.name, tensor.shape), tensor.dtype.isFloating
    else { return options.dtype }
    output.losses.append(
      Loss(
        .kept, tensor: tensor.name,
        detail: "stays F32, not \(dtype): llama.cpp wants vectors and positions so"))
    return .f32
  }
}
