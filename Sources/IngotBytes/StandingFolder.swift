// SPDX-License-Identifier: Apache-2.0
// Folders that stay what they are when an output is written to them: nothing takes their place.
import IngotCore

/// A folder that no other can take the place of.
enum StandingFolder {
  /// Why a folder is one: the system replaces no mount point, and who works in the current folder would be left in one
  /// that is gone.
  ///
  /// - Parameters:
  ///   - path: the folder.
  ///   - system: the calls to use.
  /// - Returns: what it is, in words, such as `is a mount point`; `nil` for every other folder.
  static func reason(_ path: String, _ system: any SystemCalls) -> String? {
    if system.isMountPoint(path) { return "is a mount point" }
    guard let status = try? system.status(at: path, followingLinks: true),
      let current = try? system.status(at: ".", followingLinks: true), status.isSameFile(as: current)
    else { return nil }
    return "is the current folder"
  }
}
