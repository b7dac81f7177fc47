// SPDX-License-Identifier: Apache-2.0
// The checkpoint that others are merged into, with what its config and its tensors tell of that.
import IngotBytes
import IngotCore
import IngotDialects
import IngotEncodings
import IngotFormats
import IngotGraph
import IngotOutput

/// A checkpoint that is part of a merge.
package struct MergeModel: Sendable {
  /// The path it was opened by.
  package let path: String
  /// The checkpoint.
  package let checkpoint: Checkpoint
  /// Its config, when there is one that can be read.
  let config: Metadata?
  private let work: WorkOptions
  /// Tensors that are no plain numbers, each with the one that holds the values: these with scales in tensors of their
  /// own, or parts of packed ones.
  private let coded: [Int: Int]

  /// Looks at a checkpoint.
  ///
  /// - Parameters:
  ///   - checkpoint: the checkpoint as opened.
  ///   - path: the path it was opened by.
  ///   - work: how the work is done.
  package init(_ checkpoint: Checkpoint, path: String, work: WorkOptions) {
    self.checkpoint = checkpoint
    self.path = path
    self.work = work
    let system = work.system
    let folder = CompanionScan.folder(of: path, system: system)
    let inside = checkpoint.companions.first { $0.kind == .config }?.bytes
    let bytes = inside ?? (try? Companions.text(FilePath.join(folder, "config.json"), system: system))
    config = bytes.flatMap { try? JSONDocument.object($0) }
    var coded: [Int: Int] = [:]
    for weight in ScaleTensors(checkpoint.tensors, config: config).weights {
      for index in [weight.values] + weight.companions { coded[index] = weight.values }
    }
    self.coded = coded
  }

  /// The tensor that is token embedding and head in one; `nil` where the head is its own, or no config tells.
  var sharedEmbedding: Int? {
    let embedding = TensorRole(.tokenEmbedding)
    guard let model = try? Model(checkpoint, path: path, config: nil, work: work),
      model.recognised.graph.nodes.filter({ $0.parameters.contains(embedding) }).count > 1
    else { return nil }
    return model.recognised.tensors[embedding]
  }

  /// The error of a tensor for a head that the base does not have.
  func hasNoHead(for tensor: String, _ adapter: String) -> IngotError {
    .malformed(
      AdapterRule.place.rule, at: Location(adapter, tensor: tensor),
      found: "no head in \(path), which is the token embedding there",
      expected: "its place in the base; \(verb: .convert) with \(option: .untie) makes it a tensor of its own"
    )
  }

  /// Throws where codes stand in the place of a weight.
  func requireNoCodes(of weight: String) throws(IngotError) {
    let stem = weight.hasSuffix(".weight") ? String(weight.dropLast("weight".count)) : weight
    guard let index = coded.values.filter({ checkpoint.tensors[$0].name.hasPrefix(stem) }).min() else {
      return
    }
    try requireReal(index)
  }

  /// Throws unless a tensor is plain real numbers, which can be computed with.
  func requireReal(_ index: Int) throws(IngotError) {
    let tensor = checkpoint.tensors[coded[index] ?? index]
    let location = Location(checkpoint.files.first?.path ?? path, tensor: tensor.name)
    guard !tensor.isQuantized, coded[index] == nil else {
      throw .unsuitable(
        location, why: "is \(words: tensor.typeName) that stands for other numbers",
        hint: "\(verb: .convert, .dtype, "F32") makes numbers of it")
    }
    guard tensor.isRealWeight else {
      throw .unsuitable(location, why: "is \(words: tensor.typeName), which is not merged", hint: nil)
    }
  }
}
