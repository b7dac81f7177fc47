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

  /// The tokens that occur most, in the order of their ids; of those that occur as often the first.
  ///
  /// - Parameter count: how many.
  /// - Returns: as many, or all that occur where these are fewer.
  func mostUsedTokens(_ count: Int) -> [Int] {
    var counts: [Int: Int] = [:]
    for window in windows { for token in window { counts[token, default: 0] += 1 } }
    let ranked = counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
    return ranked.prefix(count).map(\.key).sorted()
  }

  /// Takes windows, each of which a model has room for.
  package init(windows: [[Int]], source: String) { (self.windows, self.source) = (windows, source) }

  /// The text with as many of its windows as have so many tokens at the most, spread evenly; at least one.
  package func thinned(to tokenLimit: Int) -> CalibrationText {
    let count = min(windows.count, max(1, tokenLimit / max(1, windows.first?.count ?? 1)))
    var text = CalibrationText(
      windows: (0..<count).map { windows[$0 * windows.count / count] }, source: source)
    text.memoryByteCount = memoryByteCount
    return text
  }
}

/// Someone who takes rows of what products take.
protocol InputCollector: AnyObject {
  /// Begins with some inputs, of which nothing has been seen.
  func begin(_ inputs: [SharedInputs])

  /// Takes rows.
  ///
  /// - Parameters:
  ///   - rows: `[rowCount, width]`, f32, contiguous; valid during the call.
  ///   - rowCount: the rows.
  ///   - index: which of the inputs they are of.
  func add(_ rows: UnsafePointer<Float>, rowCount: Int, at index: Int)
}

/// Hands rows on to a collector, by the input's index.
private final class InputRelay: ProductObserver {
  private let collector: any InputCollector
  private var places: [TensorRole: Int] = [:]
  private var widths: [Int] = []

  init(_ collector: any InputCollector) { self.collector = collector }

  func begin(_ inputs: [SharedInputs]) {
    widths = inputs.map(\.width)
    places = Dictionary(
      inputs.enumerated().map { ($1.first, $0) }, uniquingKeysWith: { first, _ in first })
    collector.begin(inputs)
  }

  func observe(_ rows: UnsafePointer<Float>, rowCount: Int, depth: Int, of weight: TensorRole) {
    guard let index = places[weight], widths[index] == depth else { return }
    collector.add(rows, rowCount: rowCount, at: index)
  }

  /// Hands on rows that are an output of the run.
  func add(_ output: RunOutput<Float>?, at index: Int) {
    output?.values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      collector.add(start, rowCount: values.count / widths[index], at: index)
    }
  }
}

/// Adds up the moments of what products take.
final class MomentCollector: InputCollector {
  /// In the order of the inputs that are looked at.
  private var moments: [InputMoments] = []
  private let means: ProductMeans

  init(_ pool: ThreadPool) { means = ProductMeans(pool: pool) }

  func begin(_ inputs: [SharedInputs]) { moments = inputs.map { InputMoments(width: $0.width) } }

  func add(_ rows: UnsafePointer<Float>, rowCount: Int, at index: Int) {
    moments[index].add(rows, rowCount: rowCount, with: means)
  }

  /// Gives what was found, and holds it no longer.
  func end() -> [InputMoments] {
    defer { moments = [] }
    return moments
  }
}

/// Looks at products' inputs while a model runs over a text.
final class InputObservation {
  private let text: CalibrationText
  private let relay: InputRelay
  private let executor: Float32Executor

  /// Tokens that pass through the model at once.
  private static let batchTokenCount = 1024

  /// Loads a model.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - text: what it runs on.
  ///   - pool: the threads.
  ///   - collector: who takes rows.
  /// - Throws: the errors of loading weights.
  init(
    of model: Model, on text: CalibrationText, pool: ThreadPool, for collector: any InputCollector
  ) throws(IngotError) {
    self.text = text
    relay = InputRelay(collector)
    executor = Float32Executor(
      model.recognised.graph, try WeightLoader(model, precision: .fp32).load(), pool: pool, observer: relay)
  }

  /// Runs the model over the text.
  ///
  /// - Parameters:
  ///   - stage: what is looked at.
  ///   - observer: hears of tokens.
  /// - Throws: the executor's errors, for tokens that the model has no place for; ``IngotCore/IngotError/interrupted``.
  func run(
    _ stage: CalibrationStage, progress observer: (any ProgressObserver)?
  ) throws(IngotError) {
    observer?.begin("calibrating", count: text.tokenCount, unit: .tokens)
    defer { observer?.end() }
    relay.begin(stage.inputs)
    var outputs: [String: RunOutput<Float>] = [:]
    for batch in batches {
      if Process.isInterrupted { throw .interrupted }
      let windows = text.windows[batch]
      let request = RunRequest(
        batchCount: windows.count, tokenCount: windows.first?.count ?? 0, ids: windows.flatMap(\.self),
        wanted: stage.wanted)
      try executor.run(request, into: &outputs)
      for (name, indexes) in stage.asked {
        for index in indexes { relay.add(outputs[name], at: index) }
      }
      observer?.advance(request.ids.count)
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
