// SPDX-License-Identifier: Apache-2.0
// The files that paths stand for, one after the other: a folder's by their names' bytes, and what is below it. Links to
// folders are not followed, so that no walk goes round, or meets a file as often as links lead to it.
import IngotBytes
import IngotCore

/// What a walk through folders has not taken.
public struct PassedOver: Hashable, Sendable {
  /// Files and folders whose names begin with a dot.
  public var hidden = 0
  /// Links to folders.
  public var linkedFolders = 0
  /// Links that lead nowhere, sockets, pipes and devices.
  public var others = 0

  /// Makes a record of nothing.
  public init() {}

  /// All of them.
  public var count: Int { hidden + linkedFolders + others }
}

/// A walk through files and folders.
struct InputWalk {
  /// Standard input's name as a path.
  static let standardInput = "-"

  private let system: any SystemCalls
  /// What is still to be looked at, the next one last: those that were asked for stand apart from what folders hold.
  private var pending: [(path: String, isAsked: Bool)]
  /// What was not taken.
  private(set) var passedOver = PassedOver()

  /// Begins at some paths, in their order.
  init(_ paths: [String], system: any SystemCalls) {
    self.system = system
    pending = paths.reversed().map { ($0, true) }
  }

  /// The next file's path, or ``standardInput``; `nil` behind the last.
  mutating func next() throws(IngotError) -> String? {
    while let (path, isAsked) = pending.popLast() {
      if isAsked, path == Self.standardInput { return path }
      let status: FileStatus
      do throws(CallFailure) {
        status = try system.status(at: path, followingLinks: true)
      } catch {
        guard isAsked else {
          passedOver.others += 1
          continue
        }
        throw .notFound(error, path: path, system)
      }
      switch status.kind {
      case .file: return path
      case .folder: try enter(path, isAsked)
      case .other where isAsked: return path
      case .other: passedOver.others += 1
      }
    }
    return nil
  }

  private mutating func enter(_ folder: String, _ isAsked: Bool) throws(IngotError) {
    do throws(CallFailure) {
      let own = try system.status(at: folder, followingLinks: isAsked)
      guard own.kind == .folder else {
        passedOver.linkedFolders += 1
        return
      }
      for name in try system.names(in: folder).reversed() {
        if name.hasPrefix(".") {
          // What is being written, perhaps by this run, is nothing that was there.
          passedOver.hidden += AtomicOutput.isUnfinished(name) ? 0 : 1
        } else {
          pending.append((FilePath.join(folder, name), false))
        }
      }
    } catch {
      throw .failed(error, path: folder, purpose: .openInput)
    }
  }
}
