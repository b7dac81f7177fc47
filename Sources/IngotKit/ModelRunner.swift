// SPDX-License-Identifier: Apache-2.0
// Runs a loaded model in one of the precisions, and gives its outputs as doubles with the names of fixtures.
import IngotBytes
import IngotCore
import IngotEvaluation
import IngotGraph
import IngotRuntime

/// The arithmetic that a model is run in.
public enum Precision: String, CaseIterable, Hashable, Sendable {
  /// Each weight in its stored type, activations in fp32.
  case auto
  /// float64 throughout, over the exact values of the weights.
  case reference
  /// The same as `auto` for all weight types there are: fp32 activations.
  case fp32

  /// The largest relative difference that verifying lets pass unless told otherwise.
  ///
  /// - Parameter stored: the dtype of the expectation, which bounds how well it can be met.
  /// - Returns: the tolerance of DESIGN's contract.
  public func defaultTolerance(expectedIn stored: DType) -> Double {
    switch self {
    case .reference: stored == .f64 ? 1e-10 : 1e-6
    case .auto, .fp32: 2e-5
    }
  }
}

/// A model with its weights, ready to run.
public final class ModelRunner {
  /// The model.
  public let model: Model
  /// The arithmetic.
  public let precision: Precision
  private let store: WeightStore
  private let reference: ReferenceExecutor?
  private let float: Float32Executor?

  /// Loads a model's weights.
  ///
  /// - Parameters:
  ///   - model: the model; it must be sound.
  ///   - precision: the arithmetic.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that does not validate; read errors.
  public init(_ model: Model, precision: Precision) throws(IngotError) {
    self.model = model
    self.precision = precision
    store = try WeightLoader(model).load()
    let graph = model.recognised.graph
    reference = precision == .reference ? ReferenceExecutor(graph, operators: ReferenceOperators(store)) : nil
    float = precision == .reference ? nil : Float32Executor(graph, operators: Float32Operators(store))
  }

  /// Runs the model on some tokens.
  ///
  /// - Parameter request: tokens, and what is wanted.
  /// - Returns: each wanted output, exactly as computed, as doubles.
  /// - Throws: the executor's errors.
  public func run(_ request: RunRequest) throws(IngotError) -> [String: RunOutput<Double>] {
    if let reference { return try reference.run(request) }
    guard let float else { throw .internal("a runner without an executor") }
    return try float.run(request).mapValues { RunOutput(shape: $0.shape, values: $0.values.map(Double.init)) }
  }

  /// Continues a sequence greedily: the likeliest token each time, the first of several.
  ///
  /// - Parameters:
  ///   - prompt: token ids, at least one.
  ///   - count: tokens to add at the most; the context ends it earlier.
  ///   - visit: sees each step's distribution before its token is taken.
  /// - Returns: the tokens added.
  /// - Throws: the executor's errors.
  public func generate(
    _ prompt: [Int], count: Int, visit: (LogProbabilities) -> Void
  ) throws(IngotError) -> [Int] {
    if let reference { return try Self.generate(reference, prompt, count: count, visit: visit) }
    guard let float else { throw .internal("a runner without an executor") }
    return try Self.generate(float, prompt, count: count, visit: visit)
  }

  private static func generate<Operators>(
    _ executor: Executor<Operators>, _ prompt: [Int], count: Int, visit: (LogProbabilities) -> Void
  ) throws(IngotError) -> [Int] {
    var cache: KVCache<Operators.Element>? = KVCache(
      slotCount: executor.graph.inputs.caches.count, batchCount: 1)
    var next = prompt
    var added: [Int] = []
    let context = executor.graph.config.contextLength
    while added.count < count {
      if Process.isInterrupted { throw .interrupted }
      var request = RunRequest(batchCount: 1, tokenCount: next.count, ids: next)
      request.lastLogitsOnly = true
      guard let logits = try executor.run(request, cache: &cache)["logits"] else {
        throw .internal("a run without the logits it was asked for")
      }
      let probabilities = LogProbabilities(logits.values.map { Double($0) })
      visit(probabilities)
      added.append(probabilities.likeliest)
      guard prompt.count + added.count <= context else { break }
      next = [probabilities.likeliest]
    }
    return added
  }
}
