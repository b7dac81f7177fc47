// SPDX-License-Identifier: Apache-2.0
// A checkpoint of which no model is known on its way to be quantized: its matrices by types, shapes and names, all else as
// it is. Names stay, whatever the output's format; what a model tells is QuantizedConversion's.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotOutput
import IngotQuantization

/// A quantization by types, shapes and names while its tensors are being collected.
package struct MatrixConversion {
  /// What is to be written.
  package private(set) var output: OutputBuilder
  private let source: UnknownModel

  /// Collects every tensor, and reads those that become integers with a scale a channel once, to find their scales.
  ///
  /// - Parameters:
  ///   - source: the checkpoint.
  ///   - options: which matrices become what.
  ///   - destination: where they go.
  ///   - progress: hears of bytes read.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a scheme that the format does not
  ///   allow, or a rule that asks for what can't be; ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a checkpoint
  ///   without a matrix, and for values that are not finite; read errors.
  package init(
    of source: UnknownModel, options: QuantizationRequest, destination: OutputDestination,
    progress: (any ProgressObserver)?
  ) throws(IngotError) {
    self.source = source
    let checkpoint = source.checkpoint
    let companions = try Companions(
      of: checkpoint, at: source.path, for: destination, system: source.work.system)
    output = OutputBuilder(of: checkpoint)
    output.companions = companions.files
    let choice = try SchemeChoice(options, for: checkpoint, at: source.path)
    var tensors = QuantizedTensors(of: checkpoint, at: source.path, options: options, work: source.work)
    tensors.codings = choice.codings
    try requirePlace(for: tensors.codings, in: destination)
    try tensors.requireFinite(checkpoint.tensors.indices.filter { tensors.codings[$0] == nil })
    tie(&tensors, for: destination)
    try tensors.add(to: &output, progress: progress)
    output.losses += companions.losses + choice.losses + strangeNames(in: destination)
  }

  /// Throws for blocks where the format has none, and for weights whose activations are to become int8.
  private func requirePlace(
    for codings: [Int: WeightCoding], in destination: OutputDestination
  ) throws(IngotError) {
    for (index, tensor) in source.checkpoint.tensors.enumerated() {
      guard codings[index]?.quantizesActivations != true else {
        throw QuantizedTensors.noPlaceForActivations(of: tensor.name, in: destination.formatID)
      }
      guard !destination.writer.holdsBlocks, case .blocks(let blockType)? = codings[index] else { continue }
      throw QuantizedTensors.noPlace(for: blockType, of: tensor.name, in: destination.formatID)
    }
  }

  /// Keeps tensors that share their bytes as one, where the output can and they are coded alike.
  private func tie(_ tensors: inout QuantizedTensors, for destination: OutputDestination) {
    let checkpoint = source.checkpoint
    let keepsAliases = destination.writer.keepsAliases(of: checkpoint.format)
    let indexes = Dictionary(
      checkpoint.tensors.enumerated().map { (ExactName($1.name), $0) },
      uniquingKeysWith: { first, _ in first })
    for (index, tensor) in checkpoint.tensors.enumerated() {
      guard let name = tensor.aliasOf else { continue }
      if keepsAliases, let target = indexes[ExactName(name)],
        tensors.codings[index] == tensors.codings[target]
      {
        tensors.aliases[index] = target
      }
    }
  }

  /// What a program does not know of an output in its format, made of a checkpoint of another.
  private func strangeNames(in destination: OutputDestination) -> [Loss] {
    guard Dialect.implied(byFormat: destination.formatID) != nil,
      source.checkpoint.format != destination.formatID
    else { return [] }
    return [
      Loss(
        .readers,
        detail:
          "names, layouts and keys stay as they are, which the program of \(words: destination.formatID) does not know: \(source.reason)"
      )
    ]
  }
}
