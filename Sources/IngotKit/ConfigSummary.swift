// SPDX-License-Identifier: Apache-2.0
// What a config says of a model, known or not: its class, its size, how it is quantized.
import IngotBytes
import IngotCore
import IngotFormats
import IngotModels

/// What the config of a model says.
public struct ConfigSummary: Hashable, Sendable {
  /// The file that says it.
  public var fileName: String
  /// The model's class, or what else names its kind.
  public var className: String?
  /// How many layers it has.
  public var layerCount: Int?
  /// How wide its states are.
  public var width: Int?
  /// How its weights are quantized: `gptq, 4 bits, groups of 128`.
  public var quantization: String?
  /// Why the model is not known; `nil` where it is, and where only its tensors don't fit it.
  public var reason: Evidence?

  /// Keys of a config, in the order in which they are looked for.
  private static let layerKeys = [
    "num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_blocks", "block_count", "encoder_layers",
    "depth",
  ]
  private static let widthKeys = [
    "hidden_size", "n_embd", "d_model", "model_dim", "embedding_length", "dim", "hidden_dim", "embed_dim",
  ]
  /// Objects that hold the language model's part of a config.
  private static let innerKeys = [
    "text_config", "llm_config", "language_config", "language_model", "decoder", "encoder", "thinker_config",
  ]

  /// Reads the config of a checkpoint, or what its own metadata say; `nil` where there is neither.
  init?(of checkpoint: Checkpoint, at path: String, isUnderstood: Bool, _ work: WorkOptions) {
    let found = ConfigDocument.config(of: checkpoint, at: path, work: work)
    // GGUF has every architecture's numbers under its name.
    let architecture = checkpoint.metadata.string("general.architecture")
    guard found != nil || architecture != nil else { return nil }
    self.init(found?.document ?? Metadata(), fileName: found?.name ?? FilePath.name(of: path))
    if let architecture {
      className = className ?? architecture
      layerCount = layerCount ?? checkpoint.metadata[architecture + ".block_count"]?.integer
      width = width ?? checkpoint.metadata[architecture + ".embedding_length"]?.integer
    }
    reason = isUnderstood ? nil : Model.unknownArchitecture(of: checkpoint, at: path, work.system)
  }

  private init(_ document: Metadata, fileName: String) {
    self.fileName = fileName
    let inner = Self.innerKeys.compactMap { key -> Metadata? in
      guard case .object(let object)? = document[key] else { return nil }
      return object
    }
    func number(_ keys: [String]) -> Int? {
      ([document] + inner).lazy.compactMap { object in keys.lazy.compactMap { object[$0]?.integer }.first }
        .first
    }
    let classes: [MetadataValue] =
      switch document["architectures"] {
      case .array(let values)?: values
      case .typedArray(let array)?: array.values
      default: []
      }
    className =
      classes.lazy.compactMap(\.text).first ?? document.string("_class_name") ?? document.string("model_type")
    layerCount = number(Self.layerKeys)
    width = number(Self.widthKeys)
    let declaration = QuantizationDeclaration(document)
    if let method = declaration.method {
      let bits = declaration.bits.map { ", \(Count($0, "bit"))" } ?? ""
      let groups = declaration.groupSize.map { ", groups of \($0)" } ?? ""
      let activations =
        declaration.activationBits.map { ", activations of \(Count($0, "bit"))" }
        ?? declaration.activationScheme.map { ", \($0) scales of activations" } ?? ""
      quantization = "\(method)\(bits)\(groups)\(activations)"
    }
  }
}
