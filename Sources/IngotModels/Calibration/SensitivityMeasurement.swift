// SPDX-License-Identifier: Apache-2.0
// What quantizing each weight of a model costs it: each is put into the model in int8, alone, and how far that moves the
// model is measured; what other schemes cost is as much more or less as their rounding moves what the weight's product gives,
// as the divergence is quadratic in that.
import IngotBytes
import IngotCore
import IngotDialects
import IngotGraph
import IngotKernels
import IngotOutput
import IngotQuantization
import IngotRuntime

/// Measures what quantizing each weight costs a model.
package struct SensitivityMeasurement {
  /// A tensor that can be quantized.
  package struct Candidate: Sendable {
    /// Its place in the checkpoint.
    package let index: Int
    /// Its name.
    package let name: String
    /// The parameters that it holds.
    package let roles: [TensorRole]
    /// Its values.
    package let elementCount: Int
    /// Its outputs.
    package let outputCount: Int
    /// Its bytes.
    package let byteCount: Int
  }

  private let model: Model
  private let text: CalibrationText
  private let trials: SchemeTrials
  /// The tensors, in the checkpoint's order.
  package let candidates: [Candidate]

  /// Prepares for a model.
  ///
  /// - Parameters:
  ///   - model: the model; sound.
  ///   - text: what it runs on, to know what products take.
  ///   - isCalibrated: whether weights are going to be rounded with error feedback.
  ///   - scaleType: how scales of groups are going to be stored.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for a model of whose weights none can be quantized.
  package init(
    of model: Model, on text: CalibrationText, isCalibrated: Bool, scaleType: ScaleType = .f16
  ) throws(IngotError) {
    (self.model, self.text) = (model, text)
    trials = SchemeTrials(
      model: model, scaleType: scaleType, isCalibrated: isCalibrated, pool: model.work.threadPool)
    candidates = Self.candidates(of: model)
    guard !candidates.isEmpty else {
      throw .unsuitable(
        Location(model.path), why: "has no weight that can be quantized",
        hint: "all are quantized already, or no numbers with a fraction")
    }
  }

  /// The tensors of weights that are numbers of a floating type.
  package static func candidates(of model: Model) -> [Candidate] {
    let roles = model.recognised.rolesByTensor
    return model.checkpoint.tensors.enumerated().compactMap { index, tensor in
      guard !tensor.isQuantized, tensor.dtype.isFloating,
        ElementConversion(from: tensor.dtype, to: .f32) != nil
      else { return nil }
      let parameters = (roles[index] ?? []).compactMap { model.recognised.graph.parameter($0) }
      guard !parameters.isEmpty, parameters.allSatisfy({ $0.isQuantizable && $0.shape.rank == 2 }) else {
        return nil
      }
      return Candidate(
        index: index, name: tensor.name, roles: parameters.map(\.role),
        elementCount: tensor.shape.elementCount,
        outputCount: parameters.reduce(0) { $0 + $1.shape.dimensions[$1.outputAxis ?? 0] },
        byteCount: tensor.byteCount)
    }
  }

  /// Measures.
  ///
  /// - Parameters:
  ///   - finished: names of tensors that are not measured again.
  ///   - progress: hears of tokens that the model runs on to know its inputs.
  ///   - divergence: runs the model with some weights in place of its own, and tells how far it is from itself, nats a token.
  ///   - found: takes what was found of a tensor, in the order in which the model uses them.
  /// - Throws: the errors of reading and running the model; what the bodies throw.
  package func run(
    besides finished: Set<String>, progress: (any ProgressObserver)?,
    divergence: (WeightStore) throws(IngotError) -> Double,
    found: (WeightSensitivity) throws(IngotError) -> Void
  ) throws(IngotError) {
    let left = candidates.filter { !finished.contains($0.name) }
    guard !left.isEmpty else { return }
    let collector = MomentCollector(trials.pool)
    let observation = try InputObservation(of: model, on: text, pool: trials.pool, for: collector)
    let plan = CalibrationPlan(
      model.recognised.graph, roles: Set(left.flatMap(\.roles)), memoryByteCount: text.memoryByteCount)
    var done = Set<Int>()
    for stage in plan.stages {
      try observation.run(stage, progress: progress)
      for (shared, moments) in zip(stage.inputs, collector.end()) {
        let roles = Set(shared.roles)
        let weights = left.filter { $0.roles.allSatisfy(roles.contains) }
        guard !weights.isEmpty else { continue }
        let factor = FeedbackFactor(
          moments.completed(), width: shared.width, damping: CalibratedWeights.damping(of: shared),
          pool: trials.pool)
        guard let factor else { throw CalibratedWeights.notFinite(shared, of: model, on: text) }
        for candidate in weights {
          done.insert(candidate.index)
          try found(
            try measure(candidate, SchemeTrials.Inputs(moments: moments, factor: factor), divergence))
        }
      }
    }
    // Tables of rows by id, and tensors of parameters that take different inputs.
    for candidate in left where !done.contains(candidate.index) {
      try found(try measure(candidate, nil, divergence))
    }
  }

  /// Measures one tensor.
  private func measure(
    _ candidate: Candidate, _ inputs: SchemeTrials.Inputs?,
    _ divergence: (WeightStore) throws(IngotError) -> Double
  ) throws(IngotError) -> WeightSensitivity {
    var probes: WeightStore = [:]
    var total: WeightTrial?
    for role in candidate.roles {
      let trial = try trials.run(role, inputs: inputs)
      probes[role] = trial.probe
      total?.add(trial)
      total = total ?? trial
    }
    guard let total else { throw .internal("a weight of no parameters") }
    let measured = try divergence(probes)
    // What is not moved at all costs nothing.
    let factor = total.probeNoise > 0 ? measured / total.probeNoise : 0
    return WeightSensitivity(
      name: candidate.name, elementCount: candidate.elementCount, outputCount: candidate.outputCount,
      storedByteCount: candidate.byteCount, divergences: total.noise.mapValues { factor * $0 })
  }
}
