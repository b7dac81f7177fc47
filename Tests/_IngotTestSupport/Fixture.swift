// SPDX-License-Identifier: Apache-2.0
// Where the package's own files are, for tests.
import Foundation

/// Files of the package, found from this source file's place in it.
package enum Fixture {
  /// The package's root folder.
  package static let packageRoot: String = {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
  }()

  /// The path of a file or folder under `fixtures/`.
  ///
  /// - Parameter relative: the path below `fixtures/`, such as `kjv-gpt2/model.safetensors`.
  /// - Returns: the absolute path, whether or not something is there.
  package static func path(_ relative: String) -> String {
    packagePath("fixtures/" + relative)
  }

  /// The path of a file or folder under the package's root.
  package static func packagePath(_ relative: String) -> String {
    packageRoot + "/" + relative
  }

  /// The bytes of a file under `fixtures/`.
  package static func bytes(_ relative: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(relative))))
  }

  /// The text of a file under the package's root.
  package static func packageText(_ relative: String) throws -> String {
    try String(contentsOfFile: packagePath(relative), encoding: .utf8)
  }

  /// The names in a folder under `fixtures/`, sorted; none when there is no such folder.
  package static func names(in relative: String) -> [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: path(relative))
    return (names ?? []).filter { !$0.hasPrefix(".") }.sorted()
  }

  /// The small models with expected outputs, as paths under `fixtures/`.
  package static var models: [String] {
    [
      "models", "gpt2-heads", "openai-gpt", "bert", "llama", "mistral", "qwen2", "qwen3", "smollm3", "gemma",
      "gemma2", "gemma3_text", "gemma3", "phi3", "gpt_neox", "opt", "mixtral", "qwen2_moe", "qwen3_moe",
      "gpt_oss",
    ].flatMap { folder in names(in: folder).map { "\(folder)/\($0)" } }
  }

  /// Every file under a folder of the package, as paths relative to the root, sorted; hidden ones left out.
  ///
  /// - Parameters:
  ///   - folder: a folder below the root, such as `Sources`.
  ///   - suffix: what the names end with, such as `.swift`.
  /// - Returns: the paths.
  package static func files(under folder: String, suffix: String = "") -> [String] {
    let enumerator = FileManager.default.enumerator(atPath: packagePath(folder))
    let all = (enumerator?.allObjects as? [String]) ?? []
    return all.filter { path in
      path.hasSuffix(suffix) && !path.split(separator: "/").contains { $0.hasPrefix(".") }
    }
    .map { folder + "/" + $0 }.filter { !isFolder(packagePath($0)) }.sorted()
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}
