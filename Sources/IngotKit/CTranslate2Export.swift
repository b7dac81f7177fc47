// SPDX-License-Identifier: Apache-2.0
// `convert --for ctranslate2`: a model with its numbers as they are, laid out for CTranslate2. Integers are quantize's.
import IngotCore
import IngotDialects
import IngotFormats
import IngotModels
import IngotOutput

extension ConvertOptions {
  /// Whether a model is laid out for CTranslate2: where that is named, or its format, of tensors that have other names so far.
  ///
  /// - Parameters:
  ///   - source: the checkpoint.
  ///   - format: the id of the output's format.
  /// - Returns: whether it is.
  func laysOutForCTranslate2(_ source: Checkpoint, as format: String) -> Bool {
    let own = TargetProgram.ctranslate2.formats
    return program == .ctranslate2
      || (own.contains(format) && dialect == nil
        && source.metadata[CTranslate2Metadata.specification] == nil)
  }

  /// Lays out a model for CTranslate2.
  ///
  /// - Parameters:
  ///   - source: the checkpoint, with its companions.
  ///   - path: where it is.
  /// - Returns: the output.
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)`` for options that leave out or rename parts of it;
  ///   ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a model that CTranslate2 does not compute, and
  ///   for integers with scales; the errors of opening a model.
  func layOutForCTranslate2(_ source: ScaledSource, at path: String) throws(IngotError) -> OutputBuilder {
    let checkpoint = source.checkpoint
    for tensor in checkpoint.tensors where !selection.takes(tensor.name) {
      throw .invalidRequest(
        option: .include, why: "ctranslate2 loads whole models; \(tensor.name) would be left out")
    }
    guard renames.isEmpty else {
      throw .invalidRequest(
        option: .renames, why: "ctranslate2 finds variables by the names that it has for them")
    }
    guard head != .untie else {
      throw .invalidRequest(option: .untie, why: "a tied head is another name of the token embedding there")
    }
    if dtype == nil, let tensor = checkpoint.tensors.first(where: \.isQuantized) {
      throw .unrepresentable(
        tensor: tensor.name, target: "ctranslate2",
        why: "it is \(words: tensor.typeName) with scales of another kind",
        hint: .remedy(.dequantize))
    }
    let model = try Model(checkpoint, path: path, config: config, head: head, work: work)
    try Model.requireStoredHead(head, in: [model])
    try model.requireSound()
    return try CTranslate2Conversion(
      model, as: dtype, onOverflow: onOverflow, companions: source.companions
    ).output
  }
}
