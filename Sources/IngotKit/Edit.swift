// SPDX-License-Identifier: Apache-2.0
// Changes a file's metadata and leaves its tensors as they are: a new file that takes the old one's place whole, its data
// copied inside the kernel, or, when asked for and where the new header is as long as the old one, the header alone.
import IngotBytes
import IngotCore
import IngotFormats
import IngotOutput
import IngotTransforms

/// What ``Ingot/edit(_:options:progress:)`` is to do.
public struct EditOptions: Sendable {
  /// What is to become of the metadata.
  public var change = MetadataChange()
  /// Whether the header is written over the old one, instead of a new file that takes the old one's place.
  public var isInPlace = false
  /// Whether nothing is written.
  public var isPlan = false
  /// How the work is done.
  public var work = WorkOptions()

  /// Makes options that change nothing.
  public init() {}
}

extension EditOptions {
  /// A value as it is written on a command line: `@FILE` is a file's text without a line feed at its end, and `@@` begins a
  /// value that begins with `@`.
  ///
  /// - Parameters:
  ///   - value: the value as written.
  ///   - work: how a file is read.
  /// - Returns: the value's text.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a file that is not text,
  ///   ``IngotCore/IngotError/invalidRequest(option:why:)`` for standard input, and read errors.
  public static func text(of value: String, work: WorkOptions = WorkOptions()) throws(IngotError) -> String {
    guard value.hasPrefix("@") else { return value }
    let rest = String(value.dropFirst())
    guard !rest.hasPrefix("@") else { return rest }
    guard rest != StandardInput.path else {
      throw .invalidRequest(
        option: .values, why: "standard input is not read for a value; a file of that name is @./-")
    }
    guard var text = String(validating: try Companions.text(rest, system: work.system), as: UTF8.self) else {
      throw .unsuitable(Location(rest), why: "is not text in UTF-8", hint: nil)
    }
    if text.unicodeScalars.last == "\n" { text.unicodeScalars.removeLast() }
    return text
  }
}

/// What an edit did, or with a plan would do.
public struct EditReport: Sendable {
  /// The file.
  public var path: String
  /// Its format id.
  public var format: String
  /// Keys that were added.
  public var added: [String]
  /// Keys whose value is another.
  public var changed: [String]
  /// Keys that are gone.
  public var removed: [String]
  /// Bytes written: those of the header, or of the whole file.
  public var byteCount: Int
  /// Whether only the header was written.
  public var wasInPlace: Bool

  /// Whether there was anything to do.
  public var isUnchanged: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }

  init(
    path: String, format: String, from old: Metadata, to new: Metadata, byteCount: Int, wasInPlace: Bool
  ) {
    self.path = path
    self.format = format
    self.byteCount = byteCount
    self.wasInPlace = wasInPlace
    added = new.entries.map(\.key).filter { old[$0] == nil }
    changed = new.entries.filter { old[$0.key].map($0.value.isSame) == false }.map(\.key)
    removed = old.entries.map(\.key).filter { new[$0] == nil }
  }
}

extension MetadataValue {
  /// Whether it is the same value: a NaN is itself.
  fileprivate func isSame(as other: MetadataValue) -> Bool {
    switch (self, other) {
    case (.float32(let number), .float32(let other)): number.bitPattern == other.bitPattern
    case (.float64(let number), .float64(let other)): number.bitPattern == other.bitPattern
    default: self == other
    }
  }
}

extension Ingot {
  /// Changes a file's metadata.
  ///
  /// - Parameters:
  ///   - path: a file, or a folder that holds one.
  ///   - options: the change.
  ///   - progress: hears of every byte.
  /// - Returns: what was done.
  /// - Throws: the reader's errors; ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a format whose metadata can't be
  ///   changed so, and for a header that does not fit in place.
  public static func edit(
    _ path: String, options: EditOptions, progress: (any ProgressObserver)? = nil
  ) throws(IngotError) -> EditReport {
    guard path != StandardInput.path else {
      throw .unsuitable(
        Location(StandardInput.name), why: "is not a file that can be changed", hint: .remedy(.convert))
    }
    let system = options.work.system
    let source = try sourceToEdit(path, options.work)
    // Locked until the new file stands in the old one's place.
    defer { withExtendedLifetime(source) {} }
    let file = source.path
    let format = try FormatRegistry.detect(source)
    guard let editor = format.metadataEditor else {
      throw .unsuitable(
        Location(file),
        why: "is in the format \(words: format.title), which does not tell metadata and tensors apart",
        hint: .remedy(.convert))
    }
    let header = try editor.header(of: source, changed: options.change)
    let schemes = QuantizedParts.metadataKey
    guard header.metadata.old[schemes] == header.metadata.new[schemes] else {
      throw .unsuitable(
        Location(file, key: schemes),
        why: "tells what the values of quantized tensors are, and stays with them",
        hint: nil)
    }
    let keys = header.metadata.old.entries.map(\.key)
    for glob in options.change.removals where !glob.matchesEverything && !keys.contains(where: glob.matches) {
      throw .invalidRequest(option: .removals, why: glob.noMatch(of: "key", among: keys))
    }
    let fits = header.bytes.count == header.dataOffset
    guard fits || !options.isInPlace else {
      throw .unsuitable(
        Location(file),
        why: "has a header of \(header.dataOffset, "byte"), and the new one takes \(header.bytes.count)",
        hint: .remedy(.replaceFile))
    }
    guard header.ending.isEmpty || !options.isInPlace else {
      throw .unsuitable(
        Location(file), why: "has a checksum of its header at its end", hint: .remedy(.replaceFile))
    }
    let total = header.bytes.count + source.byteCount - header.dataOffset
    let report = EditReport(
      path: file, format: format.id, from: header.metadata.old, to: header.metadata.new,
      byteCount: options.isInPlace ? header.bytes.count : total, wasInPlace: options.isInPlace)
    guard !options.isPlan, !report.isUnchanged else { return report }
    if options.isInPlace {
      try HeaderBackup.replaceHeader(
        of: file, with: header.bytes, old: source.bytes(at: 0, count: header.dataOffset), system: system)
    } else {
      try replace(
        file, format: format, source: source, header: header, options: options, progress: progress)
    }
    return report
  }
}

/// The one file of a checkpoint, held so that runs that edit it at the same time do not lose each other's changes; a
/// header that an interrupted run has left half done is put back.
private func sourceToEdit(_ path: String, _ work: WorkOptions) throws(IngotError) -> FileByteSource {
  let file = try fileToEdit(path, work)
  let source = try FileByteSource(path: file, system: work.system)
  try source.lock()
  try HeaderBackup.restore(for: file, system: work.system)
  return source
}

/// The one file of a checkpoint.
private func fileToEdit(_ path: String, _ work: WorkOptions) throws(IngotError) -> String {
  let status = try? work.system.status(at: path, followingLinks: true)
  guard status?.kind != .file else { return path }
  let checkpoint = try CheckpointOpener(work: work).open(path)
  guard let file = checkpoint.files.first, checkpoint.files.count == 1 else {
    throw .unsuitable(Location(path), why: "is \(checkpoint.files.count, "file")", hint: "name one of them")
  }
  return file.path
}

/// Writes a file of a new header and the old data, which takes the old file's place.
private func replace(
  _ path: String, format: any CheckpointFormat, source: FileByteSource, header: EditedHeader,
  options: EditOptions, progress: (any ProgressObserver)?
) throws(IngotError) {
  let count = source.byteCount - header.dataOffset - header.ending.count
  guard let writer = format.writer else {
    throw .internal("a format that is edited and not written")
  }
  let file = CheckpointFile(path: path, byteCount: source.byteCount)
  let data = try StoredPart(
    bytes: count, TensorStorage(StorageSegment(file: 0, offset: header.dataOffset, byteCount: count)))
  var draft = OutputContents()
  draft.append(.made([.stored(name: "data", data)]))
  let plan = WritePlan(
    files: [
      PlannedFile(
        name: FilePath.name(of: path),
        chunks: [.bytes(header.bytes), .part(PartReference(tensor: 0), lead: []), .bytes(header.ending)])
    ])
  let planned = PlannedOutput(
    plan: plan, tensors: [PlannedTensor(name: "data", TensorType(dtype: .u8, shape: data.shape))],
    contents: draft, losses: [])
  let output = PlanWriter(
    planned, files: SourceFiles([file], system: options.work.system), work: options.work)
  _ = try OutputDestination(replacing: path, formatID: format.id, writer: writer).write(
    output, force: true, sources: [], system: options.work.system, progress: progress)
}
