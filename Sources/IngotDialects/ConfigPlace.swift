// SPDX-License-Identifier: Apache-2.0
// Where a publisher's program looks for the config of a model: a file beside the weights, or metadata inside them.
// Page: formats/dialects.md.
import IngotCore
import IngotGraph

/// Where a publisher's program looks for the config of a model.
package struct ConfigPlace: Sendable {
  /// What carries the config.
  package enum Carrier: Hashable, Sendable {
    /// A file beside the weights.
    case file(String)
    /// Keys among the container's metadata; a container without this one holds no config.
    case keys(sign: String)
    /// One object among the container's metadata.
    case object(String)
  }

  /// What a key of the container is for that is no number of the config.
  package enum Fact: Hashable, Sendable {
    /// The architecture's id.
    case architecture
    /// What the model is called.
    case modelName
    /// A number for what most values of the matrices are.
    case fileType
    /// How the states of a text's tokens become one.
    case pooling
    /// What a classifier's classes are called.
    case labels
    /// Something that only the container needs.
    case ofContainer
  }

  /// A key that a tensor's shape says: along which dimension of the tensor of a kind and a block.
  package typealias SizeOfTensor = (key: String, kind: TensorRole.Kind, block: Int?, dimension: Int)

  /// What carries the config.
  package let carrier: Carrier
  /// How its keys are spelled; `nil` for config.json's own spelling.
  package var form: ConfigForm?
  /// The id of the format whose files have such a place, others having a config.json; `nil` when all have.
  package var format: String?
  /// Numbers of the model that the program looks for under another key than transformers.
  package var echoes: [(key: String, number: any KeyPath<ModelConfig, Int> & Sendable)] = []
  /// Whether config.json lists which blocks see a window, where its program derives fewer than there are.
  package var listsKinds = false
  /// Keys of the container beside the config's, in the order in which they are written.
  package var facts: [(key: String, fact: Fact)] = []
  /// The architecture's id in the container, where that is another than here: one program may have one for several.
  package var containerArchitecture: String?
  /// Whether the number of tokens, and whether the head is tied, are said by the tensors.
  package var leavesToTensors = false
  /// Flags that the tensors say: true where there is one of the kind.
  package var flagsOfTensors: [(key: String, kind: TensorRole.Kind)] = []
  /// Keys that shapes say, whatever the config does.
  package var sizesOfTensors: [SizeOfTensor] = []
  /// A key that no file says, with what is taken for it.
  package var assumes: (@Sendable (Metadata) -> (key: String, value: Int)?)?
  /// Whether a config.json is written anew even where the numbers stay, since the program wants keys that others leave out.
  package var isRewritten = false
  /// How a config is made of shapes where there is none in this place; `nil` where one has to be there.
  package var shapes: ShapeConfig?

  /// transformers' config.json.
  package static let configFile = ConfigPlace(carrier: .file("config.json"))

  /// This place in files of its format, and config.json beside others.
  package func place(in format: String) -> ConfigPlace {
    self.format == nil || self.format == format ? self : .configFile
  }

  /// The key of a fact.
  package func key(of fact: Fact) -> String? { facts.first { $0.fact == fact }?.key }

  /// What config.json would say of a checkpoint whose metadata hold a config in this place.
  ///
  /// - Parameters:
  ///   - metadata: the checkpoint's metadata.
  ///   - architecture: the id of the architecture whose config has this place.
  /// - Returns: the document; `nil` when they hold none.
  package func document(in metadata: Metadata, architecture: String) -> Metadata? {
    guard let form else { return nil }
    switch carrier {
    case .file: return nil
    case .object(let key):
      guard case .object(let own)? = metadata[key] else { return nil }
      return form.document(from: own, architecture: architecture)
    case .keys(let sign):
      guard metadata[sign] != nil else { return nil }
      guard let key = key(of: .architecture) else {
        return form.document(from: metadata, architecture: architecture)
      }
      return metadata.string(key).map { name in
        // A program's own word for one architecture is no id.
        let isOwnWord = name == containerArchitecture && Architecture.named(name) == nil
        var document = form.document(from: metadata, architecture: isOwnWord ? architecture : name)
        // Of several architectures that a program has as one, the file says which only where it was kept.
        let kept = form.kept(in: metadata)?.string("model_type")
        if let kept, Dialect.sharing(name).contains(kept) { document["model_type"] = .string(kept) }
        if document["id2label"] == nil, let labels = labels(in: metadata) { document["id2label"] = labels }
        return document
      }
    }
  }

  /// The names of classes, as config.json has them: by their numbers.
  private func labels(in metadata: Metadata) -> MetadataValue? {
    guard let key = key(of: .labels), let names = metadata[key]?.elements,
      names.allSatisfy({ $0.text != nil })
    else { return nil }
    let entries = names.enumerated().map { Metadata.Entry(key: String($0), value: $1) }
    return .object(Metadata(entries))
  }

  /// Keys of a container whose values are not what they are for, so that nothing was made of them.
  package func unusableKeys(in metadata: Metadata) -> [String] {
    let read: [(key: String?, value: MetadataValue?)] = [
      (form?.keeping, form?.kept(in: metadata).map { .object($0) }), (key(of: .labels), labels(in: metadata)),
    ]
    return read.compactMap { $0.value == nil ? $0.key : nil }.filter { metadata[$0] != nil }
  }

  /// The container's keys that a config in this place has, and those that only its container needs.
  package var containerKeys: [String] {
    switch carrier {
    case .file: []
    case .object(let key): [key]
    case .keys:
      (form?.rows.map(\.spelling) ?? []) + (form?.echoes.map(\.spelling) ?? []) + (form?.ownKeys ?? [])
        + (form?.rotary?.spellings ?? []) + facts.map(\.key)
        + [form?.keeping].compactMap(\.self)
    }
  }
}
