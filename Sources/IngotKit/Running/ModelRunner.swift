// SPDX-License-Identifier: Apache-2.0
// Runs a loaded model in one of the precisions, and gives its outputs as doubles with the names of fixtures.
import IngotBytes
import IngotCore
import IngotDialects
import IngotEvaluation
import IngotGraph
import IngotModels
import IngotRuntime

extension Precision {
  /// What products are made of, outside the reference.
  var arithmetic: Arithmetic {
    switch self {
    case .auto, .reference, .fp32: .stored
    case .bf16: .bf16
    case .w8a8: .w8a8
    }
  }

  /// The largest relative difference that verifying lets pass unless told otherwise.
  ///
  /// - Parameter stored: the dtype of the expectation, which bounds how well it can be met.
  /// - Returns: the tolerance that `ingot verify --help` states.
  package func defaultTolerance(expectedIn stored: DType) -> Double {
    switch self {
    case .reference: stored == .f64 ? 1e-10 : 1e-6
    case .auto, .fp32: 2e-5
    case .bf16: 3e-2
    case .w8a8: 1e-1
    }
  }
}

/// A model with its weights, ready to run.
package final class ModelRunner {
  /// The model.
  package let model: Model
  /// The arithmetic.
  package let precision: Precision
  /// Its weights.
  let store: WeightStore
  private let allowsNonFinite: Bool
  private let reference: ReferenceExecutor?
  private let float: Float32Executor?

  /// Loads a model's weights.
  ///
  /// - Parameters:
  ///   - model: the model; it must be sound.
  ///   - precision: the arithmetic.
  ///   - allowsNonFinite: whether a run may give NaN and infinities.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model that does not validate; read errors.
  package convenience init(
    _ model: Model, precision: Precision, allowsNonFinite: Bool = false
  ) throws(IngotError) {
    let store = try WeightLoader(model, precision: precision).load()
    self.init(model, store, precision: precision, allowsNonFinite: allowsNonFinite)
  }

  private init(_ model: Model, _ store: WeightStore, precision: Precision, allowsNonFinite: Bool) {
    self.model = model
    self.store = store
    self.precision = precision
    self.allowsNonFinite = allowsNonFinite
    let graph = model.recognised.graph
    reference = precision == .reference ? ReferenceExecutor(graph, store) : nil
    float =
      precision == .reference
      ? nil : Float32Executor(graph, store, arithmetic: precision.arithmetic)
  }

  /// Runs the model on some tokens.
  ///
  /// - Parameter request: tokens, and what is wanted.
  /// - Returns: each wanted output, exactly as computed, as doubles.
  /// - Throws: the executor's errors, and ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for outputs that are not finite.
  package func run(_ request: RunRequest) throws(IngotError) -> [String: RunOutput<Double>] {
    let outputs: [String: RunOutput<Double>]
    if let reference {
      outputs = try reference.run(request)
    } else if let float {
      outputs = try float.run(request).mapValues {
        RunOutput(shape: $0.shape, values: $0.values.map(Double.init))
      }
    } else {
      throw .internal("a runner without an executor")
    }
    try requireFinite(outputs)
    return outputs
  }

  /// Differentiates the model: in float64 for the reference, else in fp32, whatever products of the run are made of.
  ///
  /// - Parameter request: tokens, what is differentiated, and with respect to what.
  /// - Returns: the gradients.
  /// - Throws: the executor's errors.
  func gradients(_ request: GradientRequest) throws(IngotError) -> RunGradients {
    if let reference { return .double(try reference.gradients(request)) }
    guard let float else { throw .internal("a runner without an executor") }
    return .float(try float.gradients(request))
  }

  /// The model behind one step of stochastic gradient descent: each parameter less a rate times its gradient.
  ///
  /// - Parameters:
  ///   - rate: η.
  ///   - gradients: those of this model.
  /// - Returns: a runner of the same precision, whose weights are F64 for the reference and F32 for others, in memory.
  func stepping(_ rate: Double, against gradients: RunGradients) -> ModelRunner {
    let parameters = model.recognised.graph.parameters
    let stepped: WeightStore = Dictionary(
      uniqueKeysWithValues: parameters.map { parameter in
        let values = zip(store[parameter.role]?.doubles ?? [], gradients.values(of: parameter.role)).map {
          $0 - rate * $1
        }
        return (parameter.role, Weight(values, shape: parameter.shape, isWide: reference != nil))
      })
    return ModelRunner(model, stepped, precision: precision, allowsNonFinite: allowsNonFinite)
  }

  /// Runs some tokens and gives their logits in the precision they were computed in, whether they are finite or not.
  ///
  /// - Parameters:
  ///   - request: tokens, whose logits are wanted.
  ///   - sequence: keys and values of the tokens before, made by this runner; `nil` for a run of its own.
  ///   - memory: what the logits are written to.
  /// - Returns: `[B · T, V]`, or `[B, V]` of the last tokens.
  /// - Throws: the executor's errors.
  func logits(
    of request: RunRequest, in sequence: GrowingSequence?, memory: inout [String: RunOutput<Float>]
  ) throws(IngotError) -> LogitRows {
    if let float {
      try float.run(request, cache: sequence?.float, into: &memory)
      return .float(memory[ModelGraph.logits]?.values ?? [])
    }
    guard let reference else { throw .internal("a runner without an executor") }
    return .double(try reference.run(request, cache: sequence?.double)[ModelGraph.logits]?.values ?? [])
  }

  // MARK: - What is not finite

  /// Throws for outputs that hold NaN or infinities, unless that is allowed.
  ///
  /// No operator hides them, so that a run that meets a broken weight shows it here: sound runs need no look at weights.
  private func requireFinite(
    _ outputs: [String: RunOutput<some BinaryFloatingPoint & Sendable>]
  ) throws(IngotError) {
    guard !allowsNonFinite else { return }
    for (name, output) in outputs.sorted(by: { $0.key < $1.key })
    where !output.values.allSatisfy({ $0.isFinite }) {
      throw try notFinite(name)
    }
  }

  /// Throws for logits that are not finite, unless that is allowed.
  func requireFiniteLogits(_ areFinite: Bool) throws(IngotError) {
    guard areFinite || allowsNonFinite else { throw try notFinite(ModelGraph.logits) }
  }

  /// What is to be said of an output that is not finite: the first weight that is none, if there is one.
  private func notFinite(_ output: String, mayGoOn: Bool = true) throws(IngotError) -> IngotError {
    let hint: Evidence =
      mayGoOn
      ? .remedy(.allowNonFinite)
      : "scores that are NaN choose no token and no answer, whatever is allowed"
    if let finding = try model.nonFiniteFindings().first {
      return .unsuitable(Location(model.path, tensor: finding.subject), why: finding.detail, hint: hint)
    }
    return .unsuitable(
      Location(model.path),
      why:
        "gives \(words: output) that are not finite in \(words: precision.rawValue), though its weights are",
      hint: hint)
  }

  // MARK: - One token after the other

  /// Makes room for the keys and values of a sequence that grows.
  ///
  /// - Parameters:
  ///   - batchCount: rows, B.
  ///   - capacity: the tokens of a row that will be run at the most.
  ///   - element: how keys and values are kept; float64 runs keep theirs in float64.
  /// - Returns: a sequence without tokens.
  package func sequence(
    batchCount: Int = 1, capacity: Int, element: CacheElement = .f32
  ) -> GrowingSequence {
    GrowingSequence(
      float: float.map {
        KeyValueCache($0.graph, batchCount: batchCount, capacity: capacity, element: element)
      },
      double: reference.map { ReferenceCache($0.graph, batchCount: batchCount) })
  }

  /// Runs the next tokens of a sequence.
  ///
  /// - Parameters:
  ///   - tokens: ids behind those that the sequence holds, at least one.
  ///   - sequence: keys and values of the tokens before; made by this runner.
  /// - Returns: the scores of what comes next, one row.
  /// - Throws: the executor's errors.
  package func scores(behind tokens: [Int], in sequence: GrowingSequence) throws(IngotError) -> LogitRows {
    var request = RunRequest(batchCount: 1, tokenCount: tokens.count, ids: tokens)
    request.lastLogitsOnly = true
    let scores = try logits(of: request, in: sequence, memory: &sequence.outputs)
    try requireFiniteLogits(scores.isFinite)
    return scores
  }

  /// A token that was found; the error of scores that hold NaN where there is none.
  package func found(_ token: Int?) throws(IngotError) -> Int {
    guard let token else { throw try notFinite("logits", mayGoOn: false) }
    return token
  }
}

extension Weight {
  /// Numbers as a weight that owns them: F64, or rounded to F32.
  fileprivate init(_ values: [Double], shape: Shape, isWide: Bool) {
    let bytes =
      isWide
      ? values.withUnsafeBytes { [UInt8]($0) }
      : values.map { Float($0) }.withUnsafeBytes { [UInt8]($0) }
    self.init(.number(isWide ? .f64 : .f32), shape: shape, bytes: bytes)
  }
}
