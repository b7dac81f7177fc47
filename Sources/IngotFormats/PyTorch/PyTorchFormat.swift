// SPDX-License-Identifier: Apache-2.0
// PyTorch checkpoints as torch.save writes them: a zip archive, or the older stream of pickles. Nothing in them is run.
// Page: formats/pytorch.md, on formats/containers/pickle.md and zip.md.
import IngotBytes
import IngotCore
import IngotEncodings

/// The PyTorch format.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
package struct PyTorchFormat: CheckpointFormat {
  /// Makes the format.
  package init() {}

  package let id = "pytorch"
  package let title = "PyTorch"
  package let fileExtensions = ["pt", "pth", "bin", "ckpt"]
  package let page = "pytorch.md"
  package var writer: (any CheckpointWriter)? { PyTorchWriter() }

  /// What one file looks like to this format.
  enum Form {
    case archive, stream, early, tar
  }

  /// A zip archive of torch's records, a stream with torch's magic number, or a form before these.
  package func recognizes(firstBytes: [UInt8], byteCount: Int) -> Bool {
    Self.form(firstBytes: firstBytes) != nil
  }

  /// The form of a file by its first bytes.
  static func form(firstBytes: [UInt8]) -> Form? {
    if PyTorchStream.recognizes(firstBytes: firstBytes) { return .stream }
    if firstBytes.starts(with: "PYTORCH1".utf8) { return .early }
    if isTar(firstBytes) { return .tar }
    return firstRecord(firstBytes).map(isRecord) == true ? .archive : nil
  }

  /// The name of a zip archive's first member that is no folder, without the folder it is in.
  private static func firstRecord(_ firstBytes: [UInt8]) -> Substring? {
    var cursor = ByteCursor(firstBytes)
    while cursor.little(UInt32.self) == 0x0403_4b50, cursor.bytes(22) != nil,
      let nameCount = cursor.little(UInt16.self), let extraCount = cursor.little(UInt16.self),
      let name = cursor.text(byteCount: Int(nameCount))
    {
      guard let slash = name.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
      // A folder has no data: the next header follows.
      guard name.hasSuffix("/"), cursor.bytes(Int(extraCount)) != nil else {
        return name[name.utf8.index(after: slash)...]
      }
    }
    return nil
  }

  /// Whether a name is one of torch's records.
  private static func isRecord(_ name: Substring) -> Bool {
    let files = [
      PyTorchArchive.pickleName, "constants.pkl", "bytecode.pkl", "version", "byteorder", ".format_version",
      ".storage_alignment",
    ]
    return files.contains { $0 == name }
      || ["data/", "code/", ".data/", "extra/"].contains { name.hasPrefix($0) } && !name.hasSuffix(".npy")
  }

  /// Whether a file is a tar archive whose first member is one of torch's.
  private static func isTar(_ firstBytes: [UInt8]) -> Bool {
    guard firstBytes.count >= 512, firstBytes[257..<262].elementsEqual("ustar".utf8) else { return false }
    let name = firstBytes.prefix(100).prefix { $0 != 0 }
    return ["sys_info", "pickle", "tensors", "storages"].contains { name.elementsEqual($0.utf8) }
  }

  package func read(_ source: any ByteSource, options: ReadOptions) throws(IngotError) -> Checkpoint {
    let firstBytes = try source.bytes(at: 0, count: min(FormatRegistry.firstByteCount, source.byteCount))
    switch Self.form(firstBytes: firstBytes) {
    case .early:
      throw .unsupported(
        "a checkpoint of a release candidate of torch 1.0, before there was a format",
        at: Location(source.path))
    case .tar: return try readTar(source, options)
    case .archive: return try readArchive(source, options)
    case .stream: return try readStream(source, options)
    // By its extension alone: a zip archive of something else, or a bare pickle.
    case nil:
      return ZipDirectory.recognizes(firstBytes: firstBytes)
        ? try readArchive(source, options) : try readStream(source, options)
    }
  }

  private func readArchive(_ source: any ByteSource, _ options: ReadOptions) throws(IngotError) -> Checkpoint
  {
    let archive = try PyTorchArchive(source)
    try archive.checkVersion()
    let byteOrder = try archive.byteOrder()
    try archive.checkPickle()
    var pickle = try archive.pickle()
    let root = try pickle.run()
    var storages = try PyTorchStorages(pickle, hasViews: false)
    let uncheckedCount = archive.place(&storages)
    var checkpoint = try checkpoint(
      source, PyTorchTensors(pickle: pickle, storages: storages, byteOrder: byteOrder), root: root,
      storedByteCount: archive.storedPickleByteCount, options)
    checkpoint.indexByteCount += archive.directoryByteCount
    checkpoint.findings += Self.rest(pickle.restByteCount, behind: archive.folder + PyTorchArchive.pickleName)
    if archive.version == nil {
      checkpoint.findings.append(
        Finding(
          .overProgramLimit, severity: .note, subject: "version",
          detail: "is not among the archive's records, and torch reads no archive without it"))
    }
    if uncheckedCount > 0 {
      checkpoint.findings.append(
        Finding(
          .unchecked, severity: .note, subject: FilePath.name(of: source.path),
          detail:
            "\(uncheckedCount, "storage has", "storages have") no checksum, so that damage to \(words: uncheckedCount == 1 ? "it" : "them") can't be seen"
        ))
    }
    if let quantization = try archive.quantization() {
      checkpoint.metadata[QuantizedParts.metadataKey] = .string(quantization)
    }
    return checkpoint
  }

  private func readStream(_ source: any ByteSource, _ options: ReadOptions) throws(IngotError) -> Checkpoint {
    var stream = PyTorchStream(source)
    try stream.readHeader()
    let (pickle, root) = try stream.readObject()
    var storages = try PyTorchStorages(pickle, hasViews: true)
    let objectEnd = stream.position
    try stream.place(&storages)
    var checkpoint = try checkpoint(
      source, PyTorchTensors(pickle: pickle, storages: storages, byteOrder: .little), root: root,
      storedByteCount: pickle.byteCount, options)
    checkpoint.indexByteCount = objectEnd
    if stream.position < source.byteCount {
      checkpoint.findings.append(
        Finding(
          .notRead, severity: .note, subject: FilePath.name(of: source.path),
          detail:
            "\(source.byteCount - stream.position, "byte behind the last storage is", "bytes behind the last storage are") not read"
        ))
    }
    return checkpoint
  }

  /// The remark that bytes of a record or member stand behind its last pickle; none where there are none.
  static func rest(_ byteCount: Int, behind name: String) -> [Finding] {
    guard byteCount > 0 else { return [] }
    return [
      Finding(
        .notRead, severity: .note, subject: name,
        detail: "\(byteCount, "byte behind its end is", "bytes behind its end are") not read")
    ]
  }

  private func readTar(_ source: any ByteSource, _ options: ReadOptions) throws(IngotError) -> Checkpoint {
    var archive = try PyTorchTar(source)
    let (pickle, root, storages) = try archive.read()
    var checkpoint = try checkpoint(
      source, PyTorchTensors(pickle: pickle, storages: storages, byteOrder: .little), root: root,
      storedByteCount: pickle.byteCount, options)
    checkpoint.findings += archive.findings
    return checkpoint
  }

  private func checkpoint(
    _ source: any ByteSource, _ views: PyTorchTensors, root: PickleReference, storedByteCount: Int,
    _ options: ReadOptions
  ) throws(IngotError) -> Checkpoint {
    var tree = PyTorchTree(
      views, stem: FilePath.stem(of: source.path), storedByteCount: storedByteCount, options: options)
    let metadata = try tree.walk(root)
    var checkpoint = Checkpoint(
      format: id, files: [CheckpointFile(path: source.path, byteCount: source.byteCount)],
      tensors: tree.tensors,
      metadata: metadata, findings: tree.remarks.findings, indexByteCount: views.pickle.byteCount)
    checkpoint.unopened = tree.unopened
    checkpoint.unjudged = tree.unjudged
    let arrays = tree.views.arrayBytes
    if !arrays.isEmpty {
      // What stands in the pickle in another form than its own is a file in memory.
      let file = UnnamedMemoryFile(MemoryByteSource(arrays, path: source.path))
      checkpoint.files.append(CheckpointFile(path: source.path, byteCount: arrays.count, unnamed: file))
    }
    return checkpoint
  }
}
