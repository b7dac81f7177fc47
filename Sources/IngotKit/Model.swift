// SPDX-License-Identifier: Apache-2.0
// A checkpoint opened as a model: its config found, its tensors recognised.
import IngotBytes
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph

/// A checkpoint opened as a model.
public struct Model: Sendable {
  /// The path as given.
  public let path: String
  /// The checkpoint.
  public let checkpoint: Checkpoint
  /// Its config, graph and tensors by role.
  public let recognised: RecognisedModel
  /// The config's bytes, to travel along.
  public let config: Companion

  /// Opens a model.
  ///
  /// - Parameters:
  ///   - path: the checkpoint: a file, index or folder.
  ///   - config: the config's file; `nil` to look for it inside the checkpoint, then beside it.
  ///   - reading: how to read.
  /// - Throws: ``IngotCore/IngotError/missing(path:why:hint:)`` (66) when there is no config, and the errors of the
  ///   readers.
  public init(_ path: String, config: String? = nil, reading: ReadOptions = ReadOptions()) throws(IngotError)
  {
    let checkpoint = try CheckpointOpener(options: reading).open(path)
    try self.init(checkpoint, path: path, config: config)
  }

  /// Understands a checkpoint that is open already.
  init(_ checkpoint: Checkpoint, path: String, config: String?) throws(IngotError) {
    self.path = path
    self.checkpoint = checkpoint
    let configuration: ModelConfiguration
    if config == nil, !checkpoint.companions.contains(where: { $0.kind == .config }),
      let document = InnerConfig.document(of: checkpoint)
    {
      configuration = try ConfigReader(document: document, path: path).read()
      let bytes = ConfigWriter.gpt2(configuration.config, keeping: document)
      self.config = Companion(kind: .config, name: "config.json", bytes: bytes)
    } else {
      let (companion, configPath) = try Self.findConfig(config, for: checkpoint, at: path)
      configuration = try ConfigReader(companion.bytes, path: configPath).read()
      self.config = companion
    }
    recognised = try RecognisedModel(
      checkpoint.tensors, metadata: checkpoint.metadata, configuration: configuration)
  }

  /// The names a config has, in the order of preference.
  private static let configNames = ["config.json", "hparams.json"]

  private static func findConfig(
    _ option: String?, for checkpoint: Checkpoint, at path: String
  ) throws(IngotError) -> (Companion, path: String) {
    if let option {
      let bytes = try Companions.read(option)
      return (Companion(kind: .config, name: FilePath.name(of: option), bytes: bytes), option)
    }
    if let inside = checkpoint.companions.first(where: { $0.kind == .config }) {
      return (inside, "\(path): \(inside.name)")
    }
    let folder = Companions.folder(of: path, system: LiveSystem())
    for name in configNames {
      let candidate = FilePath.join(folder, name)
      guard (try? LiveSystem().status(at: candidate, followingLinks: true)) != nil else { continue }
      return (Companion(kind: .config, name: name, bytes: try Companions.read(candidate)), candidate)
    }
    throw .missing(
      path: path, why: "has no config",
      hint:
        "looked for \(words: configNames.joined(separator: " and ")) in \(folder); --config FILE names one")
  }

  /// The descriptor of a parameter; `nil` when it is missing.
  func descriptor(_ role: TensorRole) -> TensorDescriptor? {
    recognised.tensors[role].map { checkpoint.tensors[$0] }
  }

  /// Throws unless every parameter is there with its shape.
  ///
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` (65) with the first finding.
  func requireSound() throws(IngotError) {
    let errors = recognised.structuralFindings(checkpoint.tensors).filter { $0.severity == .error }
    guard let first = errors.first else { return }
    throw .unsuitable(
      Location(path, tensor: first.subject), why: first.detail,
      hint: errors.count > 1 ? "\(errors.count - 1) more; `ingot validate` lists all" : nil)
  }
}
