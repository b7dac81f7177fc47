// SPDX-License-Identifier: Apache-2.0
// What a reader returns: tensors, metadata and companions of a checkpoint, with nothing but headers read.

/// An open file without a name, which lives as long as the checkpoints that refer to it.
package protocol UnnamedFile: AnyObject, Sendable {
  /// Whether it is what was given, and not decoded from that.
  var isInput: Bool { get }
}

/// What an archive says of the bytes of its files: checked when they are first read.
package protocol FileSeal: AnyObject, Sendable {}

/// A file that belongs to a checkpoint.
public struct CheckpointFile: Hashable, Sendable {
  /// The path by which it is opened; for one without a name, of what it was made from.
  public var path: String
  /// Its length when the header was read; a later difference is an error.
  public var byteCount: Int
  /// The file itself, when it has no name to open it by.
  package var unnamed: (any UnnamedFile)?
  /// Whether it is one of the checkpoint's, and not decoded from one.
  package var isInput: Bool { unnamed?.isInput ?? true }
  /// What has to hold of its bytes before any of them is used, when it is an archive.
  package var seal: (any FileSeal)?

  /// Makes a reference to a file.
  package init(path: String, byteCount: Int, unnamed: (any UnnamedFile)? = nil, seal: (any FileSeal)? = nil) {
    self.path = path
    self.byteCount = byteCount
    self.unnamed = unnamed
    self.seal = seal
  }

  /// Whether both are the same file, as far as paths tell.
  public static func == (left: CheckpointFile, right: CheckpointFile) -> Bool {
    left.path == right.path && left.byteCount == right.byteCount && left.unnamed === right.unnamed
  }

  /// Feeds what makes two files equal.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(path)
    hasher.combine(byteCount)
    hasher.combine(unnamed.map(ObjectIdentifier.init))
  }
}

/// A small file that travels with the weights.
public struct Companion: Hashable, Sendable {
  /// What a companion is for.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    case config, tokenizer
    case generationConfig = "generation_config"
    case shardIndex = "shard_index"
    /// Anything else: its content is not looked at.
    case other
  }

  /// What it is for.
  public var kind: Kind
  /// The file's name, with the folders below that of the weights: `1_Pooling/config.json`.
  public var name: String
  /// Its content.
  public var bytes: [UInt8]

  /// Makes a companion.
  public init(kind: Kind, name: String, bytes: [UInt8]) {
    self.kind = kind
    self.name = name
    self.bytes = bytes
  }
}

/// A checkpoint as its header describes it: no tensor's bytes have been read.
public struct Checkpoint: Sendable {
  /// The id of its format, such as `safetensors`.
  public var format: String
  /// The weight files, in shard order.
  public var files: [CheckpointFile]
  /// The tensors, in the format's order.
  public var tensors: [TensorDescriptor]
  /// The names of tensors that can't be read, and that the caller did not want.
  package var unopened: [String] = []
  /// The names of keys that are there twice, which matters to nobody who leaves them out; they need not be tensors'.
  package var unjudged: [String] = []
  /// Metadata as stored.
  public var metadata: Metadata
  /// Files that travel with the weights; inside the file or beside it.
  public var companions: [Companion]
  /// What the names of its weight files begin with, before number and extension; `nil` when unknown.
  package var stem: String?
  /// Whether the stem is that of weights inside the file which the path names, by whatever name that file goes.
  package var isStemInside = false
  /// The name of the index of its set, without folders; `nil` for what has none.
  package var indexName: String?
  /// What stands beside the weights in the same archive and does not travel.
  public var losses: [Loss] = []
  /// Remarks on the input that do not stop the work.
  public var findings: [Finding]
  /// Bytes of headers and indexes read; the memory bound counts them.
  package var indexByteCount: Int

  /// Makes a checkpoint that its reader has checked.
  package init(
    format: String, files: [CheckpointFile], tensors: [TensorDescriptor], metadata: Metadata = Metadata(),
    companions: [Companion] = [], findings: [Finding] = [], indexByteCount: Int
  ) {
    self.format = format
    self.files = files
    self.tensors = tensors
    self.metadata = metadata
    self.companions = companions
    self.findings = findings
    self.indexByteCount = indexByteCount
  }

  /// Bytes of the weight files, headers included.
  public var byteCount: Int { files.reduce(0) { $0 + ($1.isInput ? $1.byteCount : 0) } }
}
