// SPDX-License-Identifier: Apache-2.0
// How far a model is from itself with some of its weights changed: its own logits are kept in a scratch file, so that each
// change costs one run.
import IngotBytes
import IngotCore
import IngotEvaluation
import IngotGraph
import IngotKernels
import IngotModels
import IngotRuntime

/// A model beside itself with other weights.
final class DivergenceProbe {
  private let model: Model
  private let text: CalibrationText
  private let own: WeightStore
  private let executor: Float32Executor
  private let pool: ThreadPool
  private let baseline: OutputFile
  private let width: Int
  private let batches: [Range<Int>]
  private var outputs: [String: RunOutput<Float>] = [:]

  /// Runs a model over a text, and keeps its logits.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - text: windows of one length.
  ///   - progress: hears of tokens.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that predicts no tokens, or gives logits that are
  ///   not finite; the errors of loading weights, and of a full disk.
  init(_ model: Model, on text: CalibrationText, progress: (any ProgressObserver)?) throws(IngotError) {
    try model.requireTokens()
    (self.model, self.text, pool) = (model, text, model.work.threadPool)
    own = try WeightLoader(model, precision: .fp32).load()
    executor = Float32Executor(model.recognised.graph, own, pool: pool)
    width = model.recognised.graph.config.vocabularySize
    let length = text.windows.first?.count ?? 0
    let step = BatchBounds(vocabularySize: width, bytesPerLogit: MemoryLayout<Float>.size)
      .rowCount(tokensEach: length)
    batches = stride(from: 0, to: text.windows.count, by: step).map { [count = text.windows.count] in
      $0..<min(count, $0 + step)
    }
    guard let byteCount = text.tokenCount.checkedMultiply(width)?.checkedMultiply(MemoryLayout<Float>.size)
    else { throw .internal("logits whose bytes overflow") }
    baseline = try OutputFile.scratch(
      in: model.work.scratchFolder, byteCount: byteCount, system: model.work.system)
    progress?.begin("running the model", count: text.tokenCount, unit: .tokens)
    defer { progress?.end() }
    for batch in batches {
      let logits = try logits(of: batch)
      guard logits.allSatisfy(\.isFinite) else {
        throw .unsuitable(
          Location(model.path), why: "gives logits that are not finite on \(words: text.source)", hint: nil)
      }
      try logits.withBytes { (bytes) throws(IngotError) in
        try baseline.write(bytes, at: offset(of: batch))
      }
      progress?.advance(text.windows[batch].reduce(0) { $0 + $1.count })
    }
  }

  /// How far the model is from itself with some other weights, nats a token.
  ///
  /// - Parameters:
  ///   - weights: weights in place of its own, for this once.
  ///   - progress: hears of tokens.
  /// - Returns: the mean of all tokens' distributions.
  /// - Throws: as ``init(_:on:progress:)``; ``IngotCore/IngotError/interrupted``.
  func divergence(
    with weights: WeightStore, progress: (any ProgressObserver)?
  ) throws(IngotError) -> Double {
    executor.replace(weights)
    defer { executor.replace(own.filter { weights[$0.key] != nil }) }
    var divergence = ModelDivergence()
    for batch in batches {
      if Process.isInterrupted { throw .interrupted }
      let ids = text.windows[batch].flatMap(\.self)
      let logits = try logits(of: batch)
      let scored = ScoredLogits(
        ids.indices.map { ($0, $0) }, of: ids, logits: .float(logits),
        baseline: .float(try expected(batch, count: logits.count)), width: width, pool: pool)
      guard scored.isFinite else {
        throw .unsuitable(
          Location(model.path),
          why: "gives logits that are not finite with a weight quantized, on \(words: text.source)", hint: nil
        )
      }
      for score in scored.scores { divergence.add(score) }
      progress?.advance(ids.count)
    }
    return divergence.mean
  }

  private func offset(of batch: Range<Int>) -> Int {
    text.windows[..<batch.lowerBound].reduce(0) { $0 + $1.count } * width * MemoryLayout<Float>.size
  }

  private func expected(_ batch: Range<Int>, count: Int) throws(IngotError) -> [Float] {
    var values = [Float](repeating: 0, count: count)
    try values.withMutableBytes { (bytes) throws(IngotError) in
      try baseline.read(into: bytes, at: offset(of: batch))
    }
    return values
  }

  private func logits(of batch: Range<Int>) throws(IngotError) -> [Float] {
    let windows = text.windows[batch]
    try executor.run(
      RunRequest(
        batchCount: windows.count, tokenCount: windows.first?.count ?? 0, ids: windows.flatMap(\.self),
        wanted: [ModelGraph.logits]), into: &outputs)
    return outputs[ModelGraph.logits]?.values ?? []
  }
}
