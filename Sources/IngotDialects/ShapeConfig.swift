// SPDX-License-Identifier: Apache-2.0
// A config that no file says: what the shapes of a model's parameters tell, and what the publisher's program takes when it
// is told nothing. Page: formats/dialects.md.
import IngotCore
import IngotGraph

/// How a config is made of the shapes of a model's parameters, where a publisher's files have none.
package struct ShapeConfig: Sendable {
  /// Keys of config.json, each with the parameter that has as many of something, along which dimension.
  package let sizes: [(key: String, kind: TensorRole.Kind, dimension: Int)]
  /// The key of the number of blocks.
  package let blockCountKey: String
  /// What the program takes when it is told nothing, of what no shape tells.
  package let defaults: [(key: String, value: MetadataValue)]
}

extension Dialect {
  /// What config.json would say of tensors in this dialect's own format.
  ///
  /// - Parameter checkpoint: the checkpoint.
  /// - Returns: the document, for ``ConfigReader`` to check; `nil` for another format, and where a parameter is missing.
  package func shapeDocument(of checkpoint: Checkpoint) -> Metadata? {
    guard let shapes = config.shapes, checkpoint.format == ownFormat else { return nil }
    var blockCount = 0
    var known: [TensorRole.Kind: Shape] = [:]
    for tensor in checkpoint.tensors {
      guard let role = role(of: tensor.name, prefix: writtenPrefix) else { continue }
      known[role.kind] = tensor.shape
      blockCount = max(blockCount, (role.block ?? -1) + 1)
    }
    var document = Metadata()
    document["model_type"] = .string(architecture)
    for (key, kind, dimension) in shapes.sizes {
      guard let dimensions = known[kind]?.dimensions, dimensions.indices.contains(dimension) else {
        return nil
      }
      document[key] = .int64(Int64(dimensions[dimension]))
    }
    document[shapes.blockCountKey] = .int64(Int64(blockCount))
    for (key, value) in shapes.defaults { document[key] = value }
    return document
  }
}
