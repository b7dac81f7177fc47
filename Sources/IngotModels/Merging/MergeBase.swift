// SPDX-License-Identifier: Apache-2.0
// The checkpoint that others are merged into, with what its config and its tensors tell of that.
import IngotBytes
import IngotCore
import IngotEncodings
import IngotFormats
import IngotOutput

/// A checkpoint that is part of a merge.
package struct MergeModel: Sendable {
  /// The path it was opened by.
  package let path: String
  /// The checkpoint.
  package let checkpoint: Checkpoint
  /// Its config, when there is one that can be read.
  let config: Metadata?
  /// Tensors that are no plain numbers: values with scales in tensors of their own, or parts of packed ones.
  private let coded: Set<Int>

  /// Looks at a checkpoint.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint as opened.
  ///   - path: the path it was opened by.
  ///   - system: the operating system.
  package init(_ checkpoint: Checkpoint, path: String, system: any SystemCalls) {
    self.checkpoint = checkpoint
    self.path = path
    let folder = CompanionScan.folder(of: path, system: system)
    let inside = checkpoint.companions.first { $0.kind == .config }?.bytes
    let bytes = inside ?? (try? Companions.text(FilePath.join(folder, "config.json"), system: system))
    config = bytes.flatMap { try? JSONDocument.object($0) }
    var coded = Set<Int>()
    for weight in ScaleTensors(checkpoint.tensors, config: config).weights {
      coded.insert(weight.values)
      coded.formUnion(weight.companions)
    }
    self.coded = coded
  }

  /// Throws unless a tensor is plain real numbers, which can be computed with.
  func requireReal(_ index: Int) throws(IngotError) {
    let tensor = checkpoint.tensors[index]
    let location = Location(checkpoint.files.first?.path ?? path, tensor: tensor.name)
    guard !tensor.isQuantized, !coded.contains(index) else {
      throw .unsuitable(
        location, why: "is \(words: tensor.typeName) that stands for other numbers",
        hint: .remedy(.dequantize))
    }
    guard tensor.isRealWeight else {
      throw .unsuitable(location, why: "is \(words: tensor.typeName), which is not merged", hint: nil)
    }
  }
}
