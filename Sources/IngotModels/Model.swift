// SPDX-License-Identifier: Apache-2.0
// A checkpoint opened as a model: its config found, its tensors recognised.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph
import IngotOutput

/// A checkpoint opened as a model.
package struct Model: Sendable {
  /// The path as given.
  package let path: String
  /// The checkpoint.
  package let checkpoint: Checkpoint
  /// Its config, graph and tensors by role.
  package private(set) var recognised: RecognisedModel
  /// The config's bytes, to travel along.
  package let config: Companion
  /// Which head is meant where another is stored than the config says.
  package let head: HeadTie
  /// How its tensors are read.
  package let work: WorkOptions
  /// What parameters' channels are multiplied by wherever they are seen; nothing, as a model is stored.
  package private(set) var scaling = ChannelScaling()

  /// Whether the head that is stored was taken, as asked for, where the config names the token embedding.
  let takesStoredHead: Bool
  /// Whether weights are one tensor each here whose scales, or packed parts, are tensors of their own.
  package let joinsScales: Bool

  /// Opens a model.
  ///
  /// - Parameters:
  ///   - path: the checkpoint: a file, index or folder.
  ///   - config: the config's file; `nil` to look for it inside the checkpoint, then beside it.
  ///   - fallbackConfig: the config's file when there is none inside the checkpoint or beside it.
  ///   - head: which head is meant where another is stored than the config says.
  ///   - reading: how to read.
  ///   - work: how the work is done.
  ///   - isOneOfTwo: whether options of reading may be there for another model.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` (66) when there is no config, and the errors of the
  ///   readers.
  package init(
    _ path: String, config: String? = nil, fallbackConfig: String? = nil, head: HeadTie = .asIs,
    reading: ReadOptions = ReadOptions(), work: WorkOptions = WorkOptions(), isOneOfTwo: Bool = false
  ) throws(IngotError) {
    let (checkpoint, joinsScales) = try Self.opened(path, reading: reading, work: work)
    if !isOneOfTwo { try reading.requireUse(at: [path], by: [checkpoint], work: work) }
    try self.init(
      checkpoint, path: path, config: config, fallbackConfig: fallbackConfig, head: head, work: work,
      joinsScales: joinsScales)
  }

  /// Opens a checkpoint with weights whose scales, or packed parts, are tensors of their own as one tensor each.
  ///
  /// - Returns: the checkpoint, and whether there are such weights.
  static func opened(
    _ path: String, reading: ReadOptions, work: WorkOptions
  ) throws(IngotError) -> (Checkpoint, joinsScales: Bool) {
    let stored = try CheckpointOpener(options: reading, work: work).open(path)
    let checkpoint = try stored.withUnpackedWeights(at: path, work: work)
    return (checkpoint.withChannelScales, checkpoint.tensors.count < stored.tensors.count)
  }

  /// Opens a model that has just been made of another, whose config it has where it holds none.
  ///
  /// - Parameters:
  ///   - path: where it lies so far.
  ///   - name: the path that it will have, for errors.
  ///   - source: the other.
  /// - Throws: the errors of the readers.
  package init(madeAt path: String, called name: String, of source: Model) throws(IngotError) {
    let (checkpoint, joinsScales) = try Self.opened(path, reading: ReadOptions(), work: source.work)
    try self.init(
      checkpoint, path: path, called: name, config: nil, source: source, work: source.work,
      joinsScales: joinsScales)
  }

  /// Understands a checkpoint that is open already.
  package init(
    _ checkpoint: Checkpoint, path: String, called name: String? = nil, config: String?,
    fallbackConfig: String? = nil, source: Model? = nil, head: HeadTie = .asIs, work: WorkOptions,
    joinsScales: Bool = false
  ) throws(IngotError) {
    self.joinsScales = joinsScales
    self.path = name ?? path
    self.work = work
    self.checkpoint = checkpoint
    self.head = head
    var (configuration, file) = try Self.configuration(
      of: checkpoint, at: path, config: config, fallbackConfig: fallbackConfig, source: source, work: work)
    var takesStoredHead = false
    var recognised = try RecognisedModel(
      checkpoint.tensors, metadata: checkpoint.metadata, configuration: configuration)
    if head == .untie, recognised.tiedCopy != nil {
      takesStoredHead = true
      configuration.config.tiesHead = false
      configuration.document = ConfigWriter.document(
        configuration.config, of: configuration.architecture, keeping: configuration.document)
      file = nil
      recognised = try RecognisedModel(
        checkpoint.tensors, metadata: checkpoint.metadata, configuration: configuration)
    }
    self.takesStoredHead = takesStoredHead
    self.recognised = recognised
    // Made of what the tensors tell, too: which head there is.
    self.config = file ?? Self.companion(recognised.configuration)
  }

  /// Reads the config of a checkpoint, wherever it is, without a look at the tensors' names.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint.
  ///   - path: where it is.
  ///   - config: the config's file; `nil` to look for it.
  ///   - fallbackConfig: the config's file when there is no other.
  ///   - source: the model that it was made of, whose config it has when there is no other.
  ///   - work: how files are read.
  /// - Returns: what it says, and its file; `nil` where the checkpoint itself holds it.
  /// - Throws: as ``init(_:config:fallbackConfig:head:reading:isOneOfTwo:)``.
  package static func configuration(
    of checkpoint: Checkpoint, at path: String, config: String?, fallbackConfig: String? = nil,
    source: Model? = nil, work: WorkOptions
  ) throws(IngotError) -> (ModelConfiguration, Companion?) {
    if config == nil, !checkpoint.companions.contains(where: { $0.kind == .config }),
      let document = InnerConfig.document(of: checkpoint)
    {
      var configuration = try ConfigReader(document: document, path: path).read()
      try RotaryDivisors(checkpoint, path: path, work: work).settle(&configuration)
      return (configuration, nil)
    }
    let found = try findConfig(config, or: fallbackConfig, of: source, for: checkpoint, at: path, work.system)
    let (reader, note) = try ConfigReader(found.0.bytes, path: found.path).completed { name in
      checkpoint.tensors.first { $0.name == name }?.shape
    }
    var configuration = try reader.read()
    configuration.findings += found.notes + [note].compactMap(\.self)
    try RotaryDivisors(checkpoint, path: path, work: work).settle(&configuration)
    return (configuration, found.0)
  }

  private static func companion(_ configuration: ModelConfiguration) -> Companion {
    let bytes = ConfigWriter.bytes(
      configuration.config, of: configuration.architecture, keeping: configuration.document)
    return Companion(kind: .config, name: "config.json", bytes: bytes)
  }

  /// The names a config has, in the order of preference.
  private static let configNames: [String] = Dialect.all.reduce(into: []) { names, dialect in
    if case .file(let name) = dialect.config.carrier, !names.contains(name) { names.append(name) }
  }

  /// Why no architecture is known of a checkpoint: it has no config, or one that names none that is known.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint.
  ///   - path: where it is.
  ///   - system: the operating system.
  /// - Returns: the reason; `nil` where a known one is named, and where what is there can't be read, which opening it as a
  ///   model says.
  package static func unknownArchitecture(
    of checkpoint: Checkpoint, at path: String, _ system: any SystemCalls
  ) -> Evidence? {
    if !checkpoint.companions.contains(where: { $0.kind == .config }),
      let document = InnerConfig.document(of: checkpoint)
    {
      return ConfigReader(document: document, path: path).unknownArchitecture
    }
    do throws(IngotError) {
      let found = try findConfig(nil, or: nil, for: checkpoint, at: path, system)
      let reader = try ConfigReader(found.0.bytes, path: found.path).completed { name in
        checkpoint.tensors.first { $0.name == name }?.shape
      }.reader
      if let reason = reader.unknownArchitecture { return reason }
      guard reader.isOnlySigned, let configuration = try? reader.read(),
        DialectDetector.choose(
          checkpoint.tensors, metadata: checkpoint.metadata, configuration: configuration) == nil
      else { return nil }
      return
        "its config names no architecture, and no tensor has a name of \(words: configuration.architecture.title)"
    } catch {
      guard case .missing = error else { return nil }
      // A publisher without configs is known, though its shapes may contradict.
      return InnerConfig.contradicts(checkpoint, at: path) ? nil : "it has no config; \(remedy: .nameConfig)"
    }
  }

  /// What stands in the place of a checkpoint's config: a git-lfs pointer, say; `nil` for a config, or none.
  package static func standInForConfig(
    of checkpoint: Checkpoint, at path: String, _ system: any SystemCalls
  ) -> IngotError? {
    let isInside = checkpoint.companions.contains { $0.kind == .config }
    guard isInside || InnerConfig.document(of: checkpoint) == nil else { return nil }
    do throws(IngotError) {
      _ = try findConfig(nil, or: nil, for: checkpoint, at: path, system)
      return nil
    } catch {
      if case .unsuitable = error { return error }
      return nil
    }
  }

  static func findConfig(
    _ option: String?, or fallback: String?, of source: Model? = nil, for checkpoint: Checkpoint,
    at path: String, _ system: any SystemCalls
  ) throws(IngotError) -> (Companion, path: String, notes: [Finding]) {
    func named(_ file: String) throws(IngotError) -> (Companion, path: String, notes: [Finding]) {
      (
        Companion(
          kind: .config, name: FilePath.name(of: file), bytes: try Companions.text(file, system: system)),
        file, []
      )
    }
    if let option { return try named(option) }
    if let inside = checkpoint.companions.first(where: { $0.kind == .config }) {
      let place = "\(path): \(inside.name)"
      try inside.requireItself(at: place)
      return (inside, place, [])
    }
    let folder = CompanionScan.folder(of: path, system: system)
    for name in configNames {
      let candidate = FilePath.join(folder, name)
      guard (try? system.status(at: candidate, followingLinks: true)) != nil else { continue }
      return (
        Companion(kind: .config, name: name, bytes: try Companions.text(candidate, system: system)),
        candidate, []
      )
    }
    if let fallback { return try named(fallback) }
    if let source { return (source.config, source.path, []) }
    if let (document, note) = try InnerConfig.assumed(of: checkpoint, at: path) {
      let bytes = ConfigWriter.bytes(of: document)
      return (Companion(kind: .config, name: "config.json", bytes: bytes), path, [note])
    }
    guard path != StandardInput.path else {
      throw .missing(path: StandardInput.name, why: "has no config inside", hint: .remedy(.nameConfig))
    }
    throw .missing(
      path: path, why: "has no config",
      hint:
        "looked for \(words: configNames.joined(separator: " and ")) in \(folder); \(remedy: .nameConfig)")
  }

  /// The descriptor of a parameter; `nil` when it is missing.
  package func descriptor(_ role: TensorRole) -> TensorDescriptor? {
    recognised.tensors[role].map { checkpoint.tensors[$0] }
  }

  /// The model with inputs that it takes where they are given.
  package func taking(_ inputs: [GraphInput]) -> Model {
    var model = self
    model.recognised = recognised.taking(inputs)
    return model
  }

  /// The model with channels multiplied.
  package func scaled(by scaling: ChannelScaling) -> Model {
    var model = self
    model.scaling = scaling
    return model
  }

  /// Throws for a model that does not predict the next token.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` (65) naming its outputs.
  package func requireNextTokens() throws(IngotError) {
    guard !recognised.graph.continuesText else { return }
    let outputs = recognised.graph.outputs.map(\.name).filter { !$0.hasPrefix("hidden_states.") }
    throw .unsuitable(
      Location(path),
      why: "does not predict the next token; its outputs are \(words: outputs.joined(separator: ", "))",
      hint: nil)
  }

  /// Throws for a model whose logits are of no tokens, neither the next nor those behind a mask.
  ///
  /// - Throws: as ``requireNextTokens()``.
  package func requireTokens() throws(IngotError) {
    if !recognised.graph.fillsMasks { try requireNextTokens() }
  }

  /// Throws unless every parameter is there with its shape and a type that can be computed with, and it is clear which
  /// head is meant.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` (65) with the first finding.
  package func requireSound() throws(IngotError) {
    let errors = recognised.structuralFindings(checkpoint.tensors).filter { $0.severity == .error }
    guard let first = errors.first else { return try requireOneHead() }
    throw .unsuitable(
      Location(path, tensor: first.subject), why: first.detail,
      hint: errors.count > 1 ? .remedy(.validate(more: errors.count - 1)) : nil)
  }
}
