// SPDX-License-Identifier: Apache-2.0
// Runs a model over a text and takes the moments of what its products take.
import IngotBytes
import IngotCore
import IngotDialects
import IngotGraph
import IngotKernels
import IngotRuntime

/// A text that weights are calibrated with, as windows of tokens.
package struct CalibrationText: Sendable {
  /// Tokens of each window.
  package let windows: [[Int]]
  /// Where it comes from, for messages.
  package let source: String
  /// Bytes of what is known of inputs that are held at a time.
  package var memoryByteCount = CalibrationPlan.memoryByteCount

  /// All tokens.
  package var tokenCount: Int { windows.reduce(0) { $0 + $1.count } }

  /// Takes windows, each of which a model has room for.
  package init(windows: [[Int]], source: String) { (self.windows, self.source) = (windows, source) }
}

/// Takes the moments of products' inputs while a model runs.
final class InputObservation: ProductObserver {
  private let model: Model
  private let text: CalibrationText
  private let pool: ThreadPool
  private let executor: Float32Executor
  private let means: ProductMeans
  private var moments: [InputMoments] = []
  private var places: [TensorRole: Int] = [:]

  /// Tokens that pass through the model at once.
  private static let batchTokenCount = 1024

  /// Hands what products take to who looks at it: the executor is made before that is there.
  private final class Relay: ProductObserver {
    weak var observation: InputObservation?

    func observe(_ rows: UnsafePointer<Float>, rowCount: Int, depth: Int, of weight: TensorRole) {
      observation?.observe(rows, rowCount: rowCount, depth: depth, of: weight)
    }
  }

  /// Loads a model.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - text: what it runs on.
  ///   - pool: the threads.
  /// - Throws: the errors of loading weights.
  init(of model: Model, on text: CalibrationText, pool: ThreadPool) throws(IngotError) {
    (self.model, self.text, self.pool) = (model, text, pool)
    let relay = Relay()
    executor = Float32Executor(
      model.recognised.graph, try WeightLoader(model, precision: .fp32).load(), pool: pool, observer: relay)
    means = ProductMeans(pool: pool)
    relay.observation = self
  }

  func observe(_ rows: UnsafePointer<Float>, rowCount: Int, depth: Int, of weight: TensorRole) {
    guard let index = places[weight], moments[index].width == depth else { return }
    moments[index].add(rows, rowCount: rowCount, with: means)
  }

  /// Runs the model over the text.
  ///
  /// - Parameters:
  ///   - stage: what is looked at.
  ///   - observer: hears of tokens.
  /// - Returns: the moments of the stage's inputs, in its order.
  /// - Throws: the executor's errors, for tokens that the model has no place for; ``IngotCore/IngotError/interrupted``.
  func moments(
    of stage: CalibrationStage, progress observer: (any ProgressObserver)?
  ) throws(IngotError) -> [InputMoments] {
    observer?.begin("calibrating", count: text.tokenCount, unit: .tokens)
    defer { observer?.end() }
    moments = stage.inputs.map { InputMoments(width: $0.width) }
    places = Dictionary(
      stage.inputs.enumerated().map { ($1.first, $0) }, uniquingKeysWith: { first, _ in first })
    defer { (moments, places) = ([], [:]) }
    var outputs: [String: RunOutput<Float>] = [:]
    for batch in batches {
      if Process.isInterrupted { throw .interrupted }
      let windows = text.windows[batch]
      let request = RunRequest(
        batchCount: windows.count, tokenCount: windows.first?.count ?? 0, ids: windows.flatMap(\.self),
        wanted: stage.wanted)
      try executor.run(request, into: &outputs)
      for (name, indexes) in stage.asked.sorted(by: { $0.key < $1.key }) {
        for index in indexes { add(outputs[name], to: moments[index]) }
      }
      observer?.advance(windows.reduce(0) { $0 + $1.count })
    }
    return moments
  }

  private func add(_ output: RunOutput<Float>?, to moments: InputMoments) {
    guard let output else { return }
    output.values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      moments.add(start, rowCount: values.count / moments.width, with: means)
    }
  }

  /// Windows that pass through the model together: of one length, in their order.
  private var batches: [Range<Int>] {
    var batches: [Range<Int>] = []
    for (index, window) in text.windows.enumerated() {
      if let last = batches.last, text.windows[last.lowerBound].count == window.count,
        (last.count + 1) * window.count <= Self.batchTokenCount
      {
        batches[batches.count - 1] = last.lowerBound..<(index + 1)
      } else {
        batches.append(index..<(index + 1))
      }
    }
    return batches
  }
}
