// SPDX-License-Identifier: Apache-2.0
// What stands where an output is to go, and whether it may go there.
import IngotCore

extension AtomicOutput {
  /// What stands where the output is to go.
  enum Destination {
    case nothing, file, emptyFolder, folder
  }

  /// Throws where an output may not go, without claiming the place: what takes long is not begun in vain.
  ///
  /// - Returns: the path that it gets.
  /// - Throws: ``IngotError/outputRefused(path:why:hint:)`` (73), as ``init(path:isFolder:force:sources:journal:system:isWeight:belongs:)``.
  @discardableResult
  package static func requirePlace(
    _ path: String, isFolder: Bool, force: Bool, sources: [CheckpointFile], system: any SystemCalls,
    belongs: (String) -> Bool
  ) throws(IngotError) -> String {
    let target = target(of: FilePath.withoutTrailingSlashes(path), system)
    try requireFolder(FilePath.folder(of: target), system)
    let destination = try inspect(target, system)
    try refuseSources(target, isFolder: isFolder, sources: sources, system)
    if destination == .folder, isFolder, let why = StandingFolder.reason(target, system) {
      throw .outputRefused(
        path: path, why: "\(words: why), which can't be replaced as a whole, and is not empty",
        hint: "empty it, or name a folder below it")
    }
    try refuseMismatch(destination, at: target, isFolder: isFolder, force: force)
    if destination == .folder { try refuseForeignEntries(in: target, system, belongs: belongs) }
    // A link to such a file is replaced itself.
    if (try? system.status(at: target, followingLinks: false))?.kind == .file {
      try requireOwnContent(target, system: system)
    }
    return target
  }

  /// The path that is replaced: a link's target, unless others count on its content.
  private static func target(of path: String, _ system: any SystemCalls) -> String {
    let isDots = [".", ".."].contains(FilePath.name(of: path))
    let link = try? system.status(at: path, followingLinks: false)
    guard isDots || link?.kind == .other, let resolved = try? system.resolve(path) else { return path }
    return FilePath.isContentDigest(FilePath.name(of: resolved)) ? path : resolved
  }

  private static func requireFolder(_ path: String, _ system: any SystemCalls) throws(IngotError) {
    do throws(CallFailure) {
      guard try system.status(at: path, followingLinks: true).kind == .folder else {
        throw CallFailure(call: "open", errorNumber: Process.ErrorNumber.notAFolder)
      }
    } catch {
      throw failure(error, path)
    }
  }

  static func inspect(_ path: String, _ system: any SystemCalls) throws(IngotError) -> Destination {
    do throws(CallFailure) {
      switch try system.status(at: path, followingLinks: true).kind {
      case .file: return .file
      case .folder:
        let name = FilePath.name(of: path)
        let isEmpty = try system.names(in: path).allSatisfy { PartialFolder.isPartial($0, of: name) }
        return isEmpty ? .emptyFolder : .folder
      case .other: break
      }
    } catch {
      guard error.errorNumber == Process.ErrorNumber.notFound else { throw failure(error, path) }
      guard (try? system.status(at: path, followingLinks: false)) != nil else { return .nothing }
      throw .outputRefused(
        path: path, why: "is a link to something that does not exist", hint: "name its target, or remove it")
    }
    throw .outputRefused(path: path, why: "is neither a file nor a folder", hint: nil)
  }

  /// Whether what stands there is a folder that files are moved into; what a killed run of the kind has left is in it.
  static func isFilled(_ path: String, _ system: any SystemCalls) -> Bool {
    guard (try? inspect(path, system)) == .emptyFolder else { return false }
    return StandingFolder.reason(path, system) != nil || (try? system.names(in: path).isEmpty) == false
  }

  static func refuseSources(
    _ path: String, isFolder: Bool, sources: [CheckpointFile], _ system: any SystemCalls
  ) throws(IngotError) {
    let output = try? system.status(at: path, followingLinks: true)
    guard let output else { return }
    for source in sources {
      let status = try? system.status(at: source.path, followingLinks: true)
      let folder = try? system.status(at: FilePath.folder(of: source.path), followingLinks: true)
      let isSame = status?.isSameFile(as: output) ?? false
      let isInside = isFolder && (folder?.isSameFile(as: output) ?? false)
      if isSame || isInside {
        throw .outputRefused(path: path, why: "is the input, or holds it", hint: "write to another place")
      }
    }
  }

  /// Throws for a file whose name is the digest of its content: others count on that.
  ///
  /// - Parameters:
  ///   - path: the file; links are followed.
  ///   - hint: what to do instead.
  ///   - system: the calls to use.
  /// - Throws: ``IngotError/outputRefused(path:why:hint:)``.
  package static func requireOwnContent(
    _ path: String, hint: Evidence = "write to another place", system: any SystemCalls
  ) throws(IngotError) {
    let name = FilePath.name(of: (try? system.resolve(path)) ?? path)
    guard FilePath.isContentDigest(name) else { return }
    throw .outputRefused(
      path: path, why: "is \(name), which is named by the digest of its content and may be shared", hint: hint
    )
  }

  static func refuseMismatch(
    _ destination: Destination, at path: String, isFolder: Bool, force: Bool
  ) throws(IngotError) {
    switch destination {
    case .nothing: return
    case .file where isFolder:
      throw .outputRefused(path: path, why: "is a file, and the output is a folder", hint: nil)
    case .emptyFolder where isFolder: return
    case .emptyFolder where !isFolder, .folder where !isFolder:
      throw .outputRefused(path: path, why: "is a folder, and the output is one file", hint: nil)
    case .file, .emptyFolder, .folder:
      guard force else { throw exists(path) }
    }
  }

  static func exists(_ path: String) -> IngotError {
    .outputRefused(path: path, why: "exists", hint: .remedy(.overwrite))
  }

  static func refuseForeignEntries(
    in folder: String, below prefix: String = "", _ system: any SystemCalls, belongs: (String) -> Bool
  ) throws(IngotError) {
    let names: [String]
    do throws(CallFailure) { names = try system.names(in: folder) } catch { throw failure(error, folder) }
    for name in names {
      let path = FilePath.join(folder, name)
      let isFolder = (try? system.status(at: path, followingLinks: false))?.kind == .folder
      let entry = prefix + name + (isFolder ? "/" : "")
      guard belongs(entry) else {
        throw .outputRefused(
          path: folder, why: "holds \(name), which does not belong to a checkpoint",
          hint: "only a folder that holds nothing but weights, index and their companions is replaced")
      }
      if isFolder { try refuseForeignEntries(in: path, below: entry, system, belongs: belongs) }
    }
  }
}
