// SPDX-License-Identifier: Apache-2.0
// A model that is to be cut for several processors: by what rule, and who reads that. Page: formats/pytorch.md, "Sets that are
// cut".
import IngotCore
import IngotDialects
import IngotFormats
import IngotGraph

extension DialectChange {
  /// How the model is cut for several processors.
  ///
  /// - Parameters:
  ///   - count: processors, each of which has a file; one of ``IngotFormats/ParallelCut/counts``.
  ///   - embedding: how the token embedding is cut; `nil` for what the set has that the model was read from, or else for
  ///     what the model's config tells.
  /// - Returns: the cut.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for heads that so many files can't have in
  ///   equal parts, and ``IngotCore/IngotError/internal(_:)`` for a dialect whose program loads no models that are cut.
  package func parallelCut(count: Int, embedding: EmbeddingCut?) throws(IngotError) -> ParallelCut {
    guard let rule = target.embeddingCut else {
      throw .internal("a cut for a program that loads none")
    }
    let config = model.recognised.configuration.config
    let known = model.descriptor(TensorRole(.tokenEmbedding)).flatMap { EmbeddingCut(of: $0) }
    return try ParallelCut(
      count: count, embedding: embedding ?? known ?? rule(config), headCount: config.headCount,
      keyHeadCount: config.keyHeadCount)
  }

  /// What programs have to know of a cut that its files don't say.
  package func losses(of cut: ParallelCut) -> [Loss] {
    var losses = [
      Loss(
        .readers, tensor: target.name(of: TensorRole(.tokenEmbedding), prefix: target.writtenPrefix),
        detail: cut.embedding == .rows
          ? "is cut by rows, as Llama 3 has it; Llama 1 and 2 want \(option: .embeddingCut, "columns")"
          : "is cut by columns, as Llama 1 and 2 have it; Llama 3 wants \(option: .embeddingCut, "rows")")
    ]
    if cut.repeatsKeyHeads {
      let count = model.recognised.configuration.config.keyHeadCount
      losses.append(
        Loss(
          .readers,
          detail:
            "neighbouring files repeat \(count, "head") of keys; code that divides n_kv_heads by the files wants \(cut.count) in params.json"
        ))
    }
    return losses
  }
}
