// SPDX-License-Identifier: Apache-2.0
// Golden files, with what their formats' own libraries read in them.
import Foundation
import IngotKit
import IngotTestSupport

/// What a library read of one tensor.
struct ReadTensor: Codable, Hashable, Sendable {
  let name: String
  let dtype: String
  let shape: [Int]
  let sha256: String
}

/// A golden file, or a folder that holds a set.
struct GoldenFile: Sendable, CustomStringConvertible {
  /// The path below `fixtures/golden/`.
  let name: String
  /// Its tensors, in the file's order.
  let tensors: [ReadTensor]

  var description: String { name }

  /// Every file of the manifests.
  static let all: [GoldenFile] = {
    let folders = ["", "llmc/", "llama2c/", "ctranslate2/", "pytorch/", "tensorflow/"]
    let manifests = folders.map { folder in
      let path = "golden/\(folder)manifest.json"
      let bytes = (try? Fixture.bytes(path)) ?? []
      return (try? JSONDecoder().decode([String: [ReadTensor]].self, from: Data(bytes))) ?? [:]
    }
    return manifests.flatMap(\.self).map { GoldenFile(name: $0.key, tensors: $0.value) }
      .sorted { $0.name < $1.name }
  }()

  var path: String { Fixture.path("golden/" + name) }

  /// How it is read: NumPy's own file of BF16 does not say that it is.
  var reading: ReadOptions {
    name.contains("bfloat16.np") ? ReadOptions(rawDTypes: [(Glob("*"), .bf16)]) : ReadOptions()
  }

  /// What our reader finds in a file, each tensor read whole.
  static func read(_ path: String, _ reading: ReadOptions = ReadOptions()) throws -> [ReadTensor] {
    var options = InspectOptions()
    options.hashes = true
    options.reading = reading
    return try Ingot.inspect(path, options: options).tensors.map { tensor in
      ReadTensor(
        name: tensor.descriptor.name, dtype: tensor.descriptor.typeName,
        shape: tensor.descriptor.shape.dimensions, sha256: tensor.sha256 ?? "")
    }
  }
}
