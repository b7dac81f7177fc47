// SPDX-License-Identifier: Apache-2.0
// A folder for one file of a fuzzer and what comes of it, in memory where the system has such a place.
import IngotBytes
import IngotKit

/// A folder that is emptied and removed when its user is done.
struct FuzzFolder {
  private static let system = LiveSystem()
  private static let parent = (try? system.openFolder("/dev/shm")).map { descriptor in
    system.close(descriptor)
    return "/dev/shm"
  }

  private let path: String

  /// Makes the folder; a door has one a process at a time.
  init(of door: String) throws(IngotError) {
    path = FilePath.join(
      Self.parent ?? WorkOptions.defaultScratchFolder, "ingot-fuzz-\(Process.identifier)-\(door)")
    remove()
    do throws(CallFailure) {
      try Self.system.makeFolder(path, isPrivate: true)
    } catch {
      throw .environment(
        SystemFailure(call: error.call, errorNumber: error.errorNumber, path: path, purpose: .createOutput))
    }
  }

  /// Writes a file.
  ///
  /// - Returns: its path.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws(IngotError) -> String {
    let file = FilePath.join(path, name)
    do throws(CallFailure) {
      let descriptor = try Self.system.open(file, .createNew)
      defer { Self.system.close(descriptor) }
      var done = 0
      while done < bytes.count {
        var failure: CallFailure?
        bytes.withUnsafeBytes { raw in
          do throws(CallFailure) {
            done += try Self.system.write(descriptor, from: UnsafeRawBufferPointer(rebasing: raw[done...]))
          } catch { failure = error }
        }
        if let failure { throw failure }
      }
    } catch {
      throw .environment(
        SystemFailure(call: error.call, errorNumber: error.errorNumber, path: file, purpose: .createOutput))
    }
    return file
  }

  /// Removes it with all that is in it.
  func remove() { Self.remove(path) }

  private static func remove(_ path: String) {
    for name in (try? system.names(in: path)) ?? [] {
      let inner = FilePath.join(path, name)
      if (try? system.removeFile(inner)) == nil { remove(inner) }
    }
    try? system.removeFolder(path)
  }
}
