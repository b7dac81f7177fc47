// SPDX-License-Identifier: Apache-2.0
// Lists what a path would make other programs run, in every file that it holds. Calls nothing.
import IngotBytes
import IngotCore
import IngotFormats

/// What a path would make other programs run.
public struct SecurityReport: Sendable {
  /// The path as given.
  public var path: String
  /// Every file: of a folder with those below it, of an archive those in it, of an index those that it names.
  public var files: [SurveyedFile]

  /// Whether every file could be read, and nothing in it would run but what is on an allow-list.
  public var isClean: Bool { files.allSatisfy(\.survey.isClean) }
}

/// Options of ``Ingot/surveySecurity(_:options:)``.
public struct SecurityOptions: Sendable {
  /// How to read.
  public var reading = ReadOptions()
  /// How the work is done.
  public var work = WorkOptions()

  /// Makes the default options.
  public init() {}
}

extension Ingot {
  /// Lists what a path would make other programs run.
  ///
  /// - Parameters:
  ///   - path: a file, index, folder or archive; `-` for standard input.
  ///   - options: how to read.
  /// - Returns: a list, which may hold calls that are not let through, and files that could not be read.
  /// - Throws: the errors of opening the path, of the system, and of an interrupt.
  public static func surveySecurity(
    _ path: String, options: SecurityOptions = SecurityOptions()
  ) throws(IngotError) -> SecurityReport {
    let system = options.work.system
    let opener = CheckpointOpener(options: options.reading, work: options.work)
    var scanner = ContentScanner(opener)
    if path == StandardInput.path {
      try scanner.scan(StandardInput(system: system).kept(in: options.work.scratchFolder))
    } else if (try? system.status(at: path, followingLinks: true))?.kind == .folder {
      try scan(folder: path, depth: 0, system, &scanner)
    } else {
      let (file, shards) = try opener.files(of: path)
      try scanner.scan(FileByteSource(path: file, system: system))
      for shard in shards { try scan(file: shard, system, &scanner) }
    }
    if scanner.isFull {
      scanner.note(
        path, .limitExceeded(.companionFiles, at: Location(path), asked: Limit.companionFiles.value + 1))
    }
    return SecurityReport(path: path, files: scanner.files)
  }
}

/// Looks at the files of a folder and of those below it, hidden ones too.
private func scan(
  folder: String, depth: Int, _ system: any SystemCalls, _ scanner: inout ContentScanner
) throws(IngotError) {
  let names: [String]
  do throws(CallFailure) {
    names = try system.names(in: folder)
  } catch {
    let failure = IngotError.failed(error, path: folder, purpose: .openInput)
    guard depth > 0 else { throw failure }
    return scanner.note(folder, failure)
  }
  for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) where !scanner.isFull {
    let path = FilePath.join(folder, name)
    switch (try? system.status(at: path, followingLinks: true))?.kind {
    case .folder:
      let isLink = (try? system.status(at: path, followingLinks: false))?.kind != .folder
      guard !isLink else {
        scanner.note(path, .unsupported("a link to a folder, which is not followed", at: Location(path)))
        continue
      }
      guard UInt64(depth) < Limit.companionDepth.value else {
        scanner.note(path, .limitExceeded(.companionDepth, at: Location(path), asked: UInt64(depth) + 1))
        continue
      }
      try scan(folder: path, depth: depth + 1, system, &scanner)
    case .file: try scan(file: path, system, &scanner)
    case .other, nil: scanner.note(path, .unsupported("what is not a file", at: Location(path)))
    }
  }
}

/// Looks at a file, which is open as long as that takes.
private func scan(
  file path: String, _ system: any SystemCalls, _ scanner: inout ContentScanner
) throws(IngotError) {
  let file: FileByteSource
  do throws(IngotError) {
    file = try FileByteSource(path: path, system: system)
  } catch {
    return scanner.note(path, error)
  }
  try scanner.scan(file)
}
