// SPDX-License-Identifier: Apache-2.0
// A folder for one test's files, removed when the test lets go of it.
import Foundation

/// A new, empty folder that is removed with everything in it when the value is deallocated.
///
/// Keep it in a variable for as long as its files are needed; `withExtendedLifetime` is not needed for a property of a
/// test suite.
package final class TemporaryFolder: Sendable {
  /// The folder's absolute path.
  package let path: String

  /// Makes a folder.
  ///
  /// - Parameter parent: where; the system's temporary folder unless given.
  /// - Throws: the system's error when it can't be made.
  package init(in parent: String = NSTemporaryDirectory()) throws {
    let url = URL(fileURLWithPath: parent).appendingPathComponent("ingot-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.resolvingSymlinksInPath().path
  }

  deinit {
    // A test may have taken rights away; give them back so that nothing stays behind.
    let everything = (FileManager.default.enumerator(atPath: path)?.allObjects as? [String]) ?? []
    for name in [""] + everything { chmodIfFolder(path + "/" + name) }
    try? FileManager.default.removeItem(atPath: path)
  }

  private func chmodIfFolder(_ path: String) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
      return
    }
    try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
  }

  /// The path of a file in the folder.
  package func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file and makes the folders above it.
  ///
  /// - Returns: its absolute path.
  @discardableResult
  package func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
    let url = URL(fileURLWithPath: file(name))
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
    return url.path
  }

  /// Writes a text file in UTF-8.
  ///
  /// - Returns: its absolute path.
  @discardableResult
  package func write(_ text: String, to name: String) throws -> String {
    try write(Array(text.utf8), to: name)
  }

  /// Copies a file or folder into this folder under its own name.
  ///
  /// - Returns: the copy's absolute path.
  @discardableResult
  package func copy(_ source: String, as name: String? = nil) throws -> String {
    let target = file(name ?? URL(fileURLWithPath: source).lastPathComponent)
    try FileManager.default.copyItem(atPath: source, toPath: target)
    return target
  }

  /// The bytes of a file in the folder.
  package func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: file(name))))
  }

  /// Everything in the folder, hidden files included, as relative paths, sorted.
  package func entries() -> [String] {
    ((FileManager.default.enumerator(atPath: path)?.allObjects as? [String]) ?? []).sorted()
  }
}
