// SPDX-License-Identifier: Apache-2.0
// An architecture: all that is a model family's own. A new one is a builder and a table of keys under Architectures/, and
// a line in the list here.
import IngotCore

/// What a model gives out, and how transformers calls the class that does.
package struct ModelHead: Hashable, Sendable {
  /// The id: `language`.
  package let id: String
  /// transformers' classes, as a config's `architectures` names them; the first is written.
  package let classes: [String]

  /// Makes a head.
  package init(_ id: String, classes: String...) {
    self.id = id
    self.classes = classes
  }
}

/// A published size: what it has in place of the defaults.
public struct ModelPreset: Sendable {
  /// What it is called: `gpt2-medium`.
  public let name: String
  /// The id of the head; `nil` for the default.
  let head: String?
  /// Sets the fields that are other than the defaults.
  let change: @Sendable (inout ModelConfig) -> Void

  /// Makes a preset; what is not changed is as the architecture's default.
  init(
    _ name: String, head: String? = nil, _ change: @escaping @Sendable (inout ModelConfig) -> Void = { _ in }
  ) {
    self.name = name
    self.head = head
    self.change = change
  }

  /// Makes a preset of sizes.
  init(
    _ name: String, head: String? = nil, width: Int, blockCount: Int, headCount: Int,
    feedForwardWidth: Int? = nil
  ) {
    self.init(name, head: head) { config in
      config[.width] = width
      config[.blockCount] = blockCount
      config[.headCount] = headCount
      if let feedForwardWidth { config[.feedForwardWidth] = feedForwardWidth }
    }
  }
}

extension ModelPreset: Hashable {
  /// Whether both have one name.
  public static func == (a: ModelPreset, b: ModelPreset) -> Bool { a.name == b.name }

  /// Hashes the name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// What contradicts in a configuration.
package struct ConfigConflict: Hashable, Sendable {
  /// The key.
  package let key: String
  /// What there is.
  package let found: Evidence
  /// What has to be.
  package let expected: Evidence
  /// Whether the value is sound, and its arithmetic is not built.
  package var isRefusal = false
}

/// A family of models.
package struct Architecture: Sendable {
  /// The id that configs call it by (`model_type`).
  package let id: String
  /// The name for people.
  package let title: String
  /// The keys of its config, in an order in which defaults can be made.
  package let keys: [ConfigKey]
  /// What a config of its own says beside them.
  package let statements: [(key: String, value: MetadataValue)]
  /// Keys that say whose config it is, where `model_type` is missing.
  package let signature: [String]
  /// What it may give out; the first is what a config that names none means.
  package let heads: [ModelHead]
  /// Published sizes.
  package let presets: [ModelPreset]
  /// What contradicts in a configuration, if anything does.
  package let conflict: @Sendable (ModelConfig) -> ConfigConflict?
  /// Sets what the parameters that are stored tell, by their kinds and shapes: which head there is, and what it lacks.
  package var settle: @Sendable (inout ModelConfig, [TensorRole.Kind: Shape]) -> Void = { _, _ in }
  /// Sets what all of its models have, whatever a config says.
  package var fixed: @Sendable (inout ModelConfig) -> Void = { _ in }
  /// Kinds that are one parameter where the head is tied, and of which only the second is used where it is not, if that
  /// is no other part of the model; beside the token embedding and the head.
  package var tiedKinds: [(first: TensorRole.Kind, second: TensorRole.Kind)] = []
  /// Inputs that a model takes where they are given, by the field that builds it so.
  package var optionalInputs: [(input: GraphInput, field: ConfigField<Bool>)] = []
  /// Builds the graph of a model, some kinds of whose linear weights are stored the other way round.
  package let build: @Sendable (_ config: ModelConfig, _ transposed: Set<TensorRole.Kind>) -> ModelGraph

  /// All architectures.
  package static let all: [Architecture] = [
    gpt2, gpt1, bert, llama, mistral, qwen2, qwen3, smolLM3, gemma, gemma2, gemma3, phi3, neoX, opt,
    mixtral, qwen2MoE, qwen3MoE, gptOSS,
  ]

  /// The architecture of an id.
  package static func named(_ id: String) -> Architecture? {
    all.first { $0.id == id }
  }

  /// The graph of a model whose weights are stored as the architecture's own publisher does.
  package func graph(_ config: ModelConfig) -> ModelGraph { build(config, []) }

  /// The values of a config that says nothing.
  package var defaults: ModelConfig { config(of: nil) }

  /// The numbers of a published size.
  ///
  /// - Parameter preset: one of ``presets``; `nil` for the defaults.
  /// - Returns: the numbers; those that formulas make of others are made of the preset's.
  package func config(of preset: ModelPreset?) -> ModelConfig {
    var config = ModelConfig()
    fixed(&config)
    config[.head] = preset?.head ?? heads.first?.id ?? ""
    for key in keys {
      guard let binding = key.binding else { continue }
      binding.setDefault(in: &config)
      // Again and again: formulas of what follows take what the preset has.
      preset?.change(&config)
    }
    return config
  }

  /// The head that one of transformers' classes has.
  package func head(ofClass name: String) -> ModelHead? { heads.first { $0.classes.contains(name) } }

  /// The name of the key that sets a field: `n_layer`.
  package func keyName<Value>(of field: ConfigField<Value>) -> String {
    keys.first { $0.binding?.fieldName == field.name }?.name ?? field.name
  }
}

extension ModelPreset {
  /// All published sizes, of all architectures.
  public static var all: [ModelPreset] { Architecture.all.flatMap(\.presets) }

  /// The size of a name.
  public static func named(_ name: String) -> ModelPreset? { all.first { $0.name == name } }
}
