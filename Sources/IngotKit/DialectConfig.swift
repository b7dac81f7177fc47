// SPDX-License-Identifier: Apache-2.0
// The config on its way from one dialect to another: as the target's program looks for it, inside the file or beside it.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph

/// A config on its way to another dialect.
struct DialectConfig {
  /// The model.
  let model: Model
  /// The dialect.
  let target: Dialect
  /// The numbers of the model in it.
  let config: ModelConfig
  /// The document without what it declares of quantized weights, which no dialect has.
  private let document: Metadata
  private let removed: [Loss]

  init(model: Model, target: Dialect, config: ModelConfig) {
    self.model = model
    self.target = target
    self.config = config
    var document = model.recognised.configuration.document
    removed = ScaledSource.removeDeclarations(from: &document)
    self.document = document
  }

  /// Puts the config where the target's program looks for it.
  ///
  /// - Parameters:
  ///   - output: the output, whose metadata and companions are set.
  ///   - companions: the source's companions.
  ///   - format: the output's format.
  /// - Throws: ``IngotCore/IngotError/malformed(_:at:found:expected:)`` for a tokenizer that is none.
  func travel(
    in output: inout OutputDraft, companions: [Companion], format: String
  ) throws(IngotError) {
    output.losses += removed
    var metadata = InnerConfig.stripped(model.checkpoint.metadata)
    let tokenizer = try TokenizerTravel(model, companions: companions)
    var travelling = tokenizer.travel(to: target, format: format, metadata: &metadata)
    // What frameworks call their own files by.
    metadata["format"] = nil
    if format == "safetensors", target.id == "hf" { metadata["format"] = .string("pt") }
    if format == "safetensors", target.id == "mlx" { metadata["format"] = .string("mlx") }
    switch (target.id, format) {
    case ("gguf", "gguf"): addGGUFKeys(to: &metadata, tensors: output.request.tensors)
    case ("llmc", "llmc"):
      let (own, rest) = ConfigForm.llmc.own(config, document: document)
      for entry in own.entries { metadata[entry.key] = entry.value }
      report(rest, in: &output)
    case ("openai", _):
      let (own, rest) = ConfigForm.openAI.own(config, document: document)
      travelling.insert(Self.companion("hparams.json", own), at: 0)
      report(rest, in: &output)
    case ("nanogpt", "pytorch"):
      let (own, rest) = ConfigForm.nanoGPT.own(config, document: document)
      metadata["model_args"] = .object(own)
      report(rest, in: &output)
    default: travelling.insert(configCompanion(companions), at: 0)
    }
    output.configure { $0.metadata = metadata }
    output.companions = travelling
  }

  /// GGUF's keys; what has none is kept under a key of ours.
  private func addGGUFKeys(to metadata: inout Metadata, tensors: [PlannedTensor]) {
    var keys = Metadata([.init(key: "general.architecture", value: .string("gpt2"))])
    let (own, _) = ConfigForm.gguf.own(config, document: document)
    if own["general.name"] == nil {
      keys["general.name"] = .string(
        FilePath.name(of: model.path).isEmpty ? "gpt2" : FilePath.name(of: model.path))
    }
    for entry in own.entries { keys[entry.key] = entry.value }
    if let type = GGUFFileType.number(of: tensors) { keys[GGUFFileType.key] = .uint32(type) }
    for entry in metadata.entries { keys[entry.key] = entry.value }
    metadata = keys
  }

  /// config.json: the source's own bytes where they say the same.
  private func configCompanion(_ companions: [Companion]) -> Companion {
    let isSame = config == model.recognised.configuration.config && removed.isEmpty
    let isPlain = document["model_type"] != nil && model.config.name == "config.json"
    if isSame, isPlain, target.id != "mlx" || document["n_ctx"] != nil { return model.config }
    var document = ConfigWriter.document(config, keeping: document)
    // What mlx-lm asks for.
    if target.id == "mlx" { document["n_ctx"] = .int64(Int64(config.contextLength)) }
    return Self.companion("config.json", document)
  }

  private static func companion(_ name: String, _ document: Metadata) -> Companion {
    Companion(kind: .config, name: name, bytes: ConfigWriter.bytes(of: document))
  }

  private func report(_ rest: Metadata, in output: inout OutputDraft) {
    for entry in rest.entries {
      output.losses.append(
        Loss(.metadata, detail: "\(entry.key): the config of \(words: target.id) has no place for it"))
    }
  }
}
