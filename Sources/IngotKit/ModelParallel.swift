// SPDX-License-Identifier: Apache-2.0
// `--model-parallel`: a conversion whose output is cut for several processors, and what does not go with it.
import IngotCore
import IngotDialects
import IngotFormats
import IngotModels
import IngotOutput

extension ConvertOptions {
  /// Throws for a cut that no program loads, or that other options contradict.
  ///
  /// - Throws: ``IngotCore/IngotError/invalidRequest(option:why:)``.
  func requireParallelUse() throws(IngotError) {
    guard let count = modelParallelCount else { return try requireNoEmbeddingCut() }
    guard ParallelCut.counts.contains(count) else {
      throw .invalidRequest(
        option: .modelParallelCount,
        why:
          "is \(ParallelCut.counts.lowerBound) to \(ParallelCut.counts.upperBound): names of files have two digits"
      )
    }
    guard program?.loadsCutModels == true else {
      let able = TargetProgram.allCases.filter(\.loadsCutModels).map(\.rawValue).joined(separator: " or ")
      throw .invalidRequest(
        option: .modelParallelCount,
        why: "cuts models as \(option: .program, able) loads them, and no other")
    }
    if count == 1 { try requireNoEmbeddingCut() }
    if shardByteLimit != nil {
      throw .invalidRequest(
        option: .shardByteLimit,
        why: "does not go with \(option: .modelParallelCount), whose program reads a file a processor")
    }
    if !renames.isEmpty {
      throw .invalidRequest(
        option: .renames,
        why: "does not go with \(option: .modelParallelCount): names tell how tensors are cut")
    }
  }

  private func requireNoEmbeddingCut() throws(IngotError) {
    guard embeddingCut != nil else { return }
    throw .invalidRequest(
      option: .embeddingCut, why: "nothing is cut without \(option: .modelParallelCount) of 2 and more")
  }

  /// Cuts an output for several processors, where that is asked for.
  ///
  /// - Parameters:
  ///   - draft: the output.
  ///   - change: the change to the names of the program.
  /// - Throws: ``IngotCore/IngotError/unrepresentable(tensor:target:why:hint:)`` for a model that can't be cut so.
  func cut(_ draft: inout OutputBuilder, by change: DialectChange?) throws(IngotError) {
    guard let count = modelParallelCount, count > 1, let change else { return }
    let cut = try change.parallelCut(count: count, embedding: embeddingCut)
    draft.parallelCut = cut
    draft.losses += change.losses(of: cut)
  }
}

extension PlannedOutput {
  /// Memory that the pieces of a cut model take, in bytes: each is described by itself.
  var pieceBound: Int { pieces == nil ? 0 : 1024 * tensors.count }
}
