// SPDX-License-Identifier: Apache-2.0
// The config on its way from one dialect to another: as the target's program looks for it, inside the file or beside it.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotOutput

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
  private var architecture: Architecture { model.recognised.configuration.architecture }

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
    in output: inout OutputBuilder, companions: [Companion], format: String
  ) throws(IngotError) {
    output.losses += removed
    var metadata = InnerConfig.stripped(model.checkpoint.metadata)
    let tokenizer = try TokenizerTravel(model, companions: companions)
    var travelling = tokenizer.travel(to: target, format: format, metadata: &metadata, losses: &output.losses)
    target.mark(&metadata, in: format)
    let place = target.config.place(in: format)
    let pooling = Pooling(of: model, companions: companions)
    pooling.travel(to: target, place, companions: &travelling, losses: &output.losses)
    output.losses += model.recognised.dialect.config.unusableKeys(in: model.checkpoint.metadata).map {
      Loss(.metadata, detail: "\($0): is not what this key is for, and is left out")
    }
    switch (place.carrier, place.form) {
    case (.file(let name), let form?):
      let (own, rest) = form.own(config, of: architecture, document: document)
      travelling.insert(Self.companion(name, own), at: 0)
      report(rest, in: &output)
    case (.object(let key), let form?):
      let (own, rest) = form.own(config, of: architecture, document: document)
      metadata[key] = .object(own)
      report(rest, in: &output)
    case (.keys, let form?):
      let (own, rest) = form.own(config, of: architecture, document: document)
      metadata = keys(own, in: place, before: metadata, tensors: output.request.tensors, pooling)
      if model.checkpoint.format == format, form.keeping != nil {
        keepContainerKeys(of: place, in: &metadata)
        reportAdded(own, but: form.keeping, in: &output)
      }
      if let key = form.keeping, own[key] != nil {
        output.losses.append(
          Loss(
            .added,
            detail: "\(key): what config.json says and \(words: format) has no key for, for the way back"))
      }
      report(rest, in: &output)
    case (_, nil):
      travelling.insert(configCompanion(in: place, tokenizer), at: 0)
    }
    output.configure { $0.metadata = metadata }
    output.companions = travelling
  }

  /// What the model is called: as its folder or archive is, or its file without the extension.
  private var modelName: String {
    guard model.path != StandardInput.path else { return "" }
    let isFile = model.checkpoint.files.contains { $0.path == model.path }
    return isFile ? WeightFileName.stem(of: model.path) : FilePath.name(of: model.path)
  }

  /// The container's keys: what says whose config it is, the config's own, and then the others.
  private func keys(
    _ own: Metadata, in place: ConfigPlace, before others: Metadata, tensors: [PlannedTensor],
    _ pooling: Pooling
  ) -> Metadata {
    var keys = Metadata()
    if let key = place.key(of: .architecture) {
      keys[key] = .string(place.containerArchitecture ?? target.architecture)
    }
    if let key = place.key(of: .modelName) {
      let name = modelName
      keys[key] = .string(name.isEmpty ? target.architecture : name)
    }
    keys.set(own.entries)
    if let key = place.key(of: .fileType), let type = GGUFFileType.number(of: tensors) {
      keys[key] = .uint32(type)
    }
    if let key = place.key(of: .pooling), let kind = pooling.kind { keys[key] = .uint32(kind.rawValue) }
    if let key = place.key(of: .labels), model.hasClassifier { keys[key] = labels }
    keys.set(others.entries)
    return keys
  }

  /// Keys that only the container needs stay from one of its files to another: they say nothing of names and layouts.
  private func keepContainerKeys(of place: ConfigPlace, in metadata: inout Metadata) {
    for (key, fact) in place.facts where fact == .ofContainer && metadata[key] == nil {
      metadata[key] = model.checkpoint.metadata[key]
    }
  }

  /// Keys of the config that a file of the same format did not have.
  private func reportAdded(_ own: Metadata, but kept: String?, in output: inout OutputBuilder) {
    for entry in own.entries where entry.key != kept && model.checkpoint.metadata[entry.key] == nil {
      output.losses.append(
        Loss(.added, detail: "\(entry.key): stated from now on, which the file left to its program"))
    }
  }

  /// What the classes are called: by the config, or as transformers calls those without a name.
  private var labels: MetadataValue {
    var names: Metadata?
    if case .object(let stated)? = document["id2label"] { names = stated }
    return .array(
      (0..<config[.labelCount]).map { .string(names?.string(String($0)) ?? "LABEL_\($0)") })
  }

  /// config.json: the source's own bytes where they say the same.
  private func configCompanion(in place: ConfigPlace, _ tokenizer: TokenizerTravel) -> Companion {
    let marks = tokenizer.configIDs
    // A file with a tokenizer in it keeps the ids of marks there, and config.json has to say them.
    let saysMarks = !tokenizer.isInside || marks.allSatisfy { self.document[$0.key] != nil }
    let isSame =
      config == model.recognised.configuration.config && removed.isEmpty && !place.isRewritten && saysMarks
      && model.recognised.configuration.leftOut.isEmpty
    let isPlain = document["model_type"] != nil && model.config.name == "config.json"
    if isSame, isPlain, place.echoes.allSatisfy({ self.document[$0.key] != nil }) { return model.config }
    var document = ConfigWriter.document(config, of: architecture, keeping: document)
    // transformers takes its classes' own where a config does not say which token ends a text.
    for (key, id) in marks where document[key] == nil { document[key] = .int64(Int64(id)) }
    for (key, number) in place.echoes { document[key] = .int64(Int64(config[keyPath: number])) }
    if place.listsKinds {
      document["layer_types"] = .array(
        (0..<config.blockCount).map {
          .string(config.isWindowBlock($0) ? LayerKind.window : LayerKind.whole)
        })
    }
    return Self.companion("config.json", document)
  }

  private static func companion(_ name: String, _ document: Metadata) -> Companion {
    Companion(kind: .config, name: name, bytes: ConfigWriter.bytes(of: document))
  }

  private func report(_ rest: Metadata, in output: inout OutputBuilder) {
    for entry in rest.entries {
      output.losses.append(
        Loss(.metadata, detail: "\(entry.key): the config of \(words: target.id) has no place for it"))
    }
  }
}
