// SPDX-License-Identifier: Apache-2.0
// Runs a graph with f32 activations: by a plan made once for each kind of run, in memory that stays, on the threads of a
// pool. Sums have one order whatever the threads. No model is named here.
import IngotCore
import IngotGraph
import IngotKernels

/// Runs a graph with f32 activations.
package final class Float32Executor {
  /// The graph that is run.
  package let graph: ModelGraph
  let inputs: InputCheck
  let weights: WeightBank
  let means: FloatMeans
  /// Linear weights the other way round, which gradients pass through; whatever the arithmetic, in their stored type.
  private(set) lazy var turnedWeights = weights.turned()
  private var plans: [PlanKey: ExecutionPlan] = [:]
  private var workspace = AlignedBuffer(byteCount: 0)

  /// What plans differ by.
  private struct PlanKey: Hashable {
    let wanted: Set<String>
    let lastLogitsOnly: Bool
  }

  private let chunkRowCount: Int

  /// Makes an executor.
  ///
  /// - Parameters:
  ///   - graph: a graph whose parameters the store holds; validated before.
  ///   - store: the weights; F32, F16, BF16 and int8 are used as they are stored, others are converted once.
  ///   - arithmetic: what products are made of.
  ///   - pool: the threads.
  ///   - kernels: the kernels.
  ///   - chunkRowCount: rows that pass through the graph at once: more would only take memory.
  ///   - observer: who looks at what products take.
  package init(
    _ graph: ModelGraph, _ store: WeightStore, arithmetic: Arithmetic = .stored, pool: ThreadPool = .shared,
    kernels: KernelTable = .current, chunkRowCount: Int = 1024, observer: (any ProductObserver)? = nil
  ) {
    self.chunkRowCount = max(1, chunkRowCount)
    self.graph = graph
    inputs = InputCheck(graph)
    means = FloatMeans(arithmetic: arithmetic, pool: pool, kernels: kernels, observer: observer)
    weights = WeightBank(store, arithmetic: arithmetic, kernels: kernels)
  }

  /// Takes other weights in place of some, from the next run on.
  ///
  /// - Parameter weights: weights of the graph's shapes, by role.
  package func replace(_ weights: WeightStore) {
    self.weights.replace(weights)
    turnedWeights = self.weights.turned()
  }

  /// Runs the graph.
  ///
  /// - Parameters:
  ///   - request: tokens, and what is wanted.
  ///   - cache: keys and values of earlier runs, extended by this one's; `nil` for a run of its own.
  ///   - outputs: where the wanted outputs go, by name; arrays that fit are written in place.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for ids outside the vocabulary, positions outside the
  ///   context, a mask of another length, a full cache, and names that the graph does not have.
  package func run(
    _ request: RunRequest, cache: KeyValueCache? = nil, into outputs: inout [String: RunOutput<Float>]
  ) throws(IngotError) {
    let past = cache?.tokenCount ?? 0
    let run = try inputs.values(of: request, past: past)
    if let cache, cache.batchCount != request.batchCount || past + request.tokenCount > cache.capacity {
      throw .unsuitable(
        Location("input"),
        why: "\(request.batchCount) × \(past + request.tokenCount) tokens do not fit the cache",
        hint: nil)
    }
    let plan = try plan(for: request)
    outputs = outputs.filter { request.wanted.contains($0.key) }
    for (name, width, rows) in plan.outputs {
      let tokens: [Int] =
        switch rows {
        case .all: [request.tokenCount]
        case .last: [1]
        case .sequences: []
        }
      let shape = Shape([request.batchCount] + tokens + [width]) ?? .scalar
      if outputs[name]?.shape != shape {
        outputs[name] = RunOutput(shape: shape, values: Self.uninitialized(shape.elementCount))
      }
    }
    withTargets(plan.outputs.map(\.name)[...], &outputs, []) { targets in
      runChunks(run, plan: plan, cache: cache, targets: targets)
    }
    cache?.advance(by: request.tokenCount)
  }

  /// Runs the graph, with new arrays for the outputs.
  ///
  /// - Parameters:
  ///   - request: tokens, and what is wanted.
  ///   - cache: keys and values of earlier runs, extended by this one's; `nil` for a run of its own.
  /// - Returns: each wanted output by name.
  /// - Throws: as ``run(_:cache:into:)``.
  package func run(
    _ request: RunRequest, cache: KeyValueCache? = nil
  ) throws(IngotError) -> [String: RunOutput<Float>] {
    var outputs: [String: RunOutput<Float>] = [:]
    try run(request, cache: cache, into: &outputs)
    return outputs
  }

  private static func uninitialized(_ count: Int) -> [Float] {
    count == 0 ? [] : [Float](unsafeUninitializedCapacity: count) { _, initialized in initialized = count }
  }

  private func plan(for request: RunRequest) throws(IngotError) -> ExecutionPlan {
    let key = PlanKey(wanted: request.wanted, lastLogitsOnly: request.lastLogitsOnly)
    if let plan = plans[key] { return plan }
    let plan = try ExecutionPlan(
      graph, targets: try request.targets(in: graph), lastLogitsOnly: request.lastLogitsOnly)
    plans[key] = plan
    return plan
  }

  /// Calls `body` with the memory of every output, in the plan's order.
  private func withTargets(
    _ names: ArraySlice<String>, _ outputs: inout [String: RunOutput<Float>],
    _ found: [UnsafeMutablePointer<Float>], _ body: ([UnsafeMutablePointer<Float>]) -> Void
  ) {
    guard let name = names.first else { return body(found) }
    // Taken out of the dictionary, so that the array is written in place.
    guard var output = outputs.removeValue(forKey: name) else { return }
    output.values.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      withTargets(names.dropFirst(), &outputs, found + [start], body)
    }
    outputs[name] = output
  }

  // MARK: - Chunks

  /// Cuts a run into passes of about so many rows: sequences, and where it may be the tokens of one, whose keys and values go
  /// from chunk to chunk through a cache.
  private func runChunks(
    _ run: RunInputs, plan: ExecutionPlan, cache: KeyValueCache?, targets: [UnsafeMutablePointer<Float>]
  ) {
    let (batch, tokens) = (run.extent.batchCount, run.extent.tokenCount)
    guard batch * tokens > chunkRowCount, batch * tokens > 1 else {
      return runPass(PlanPass(run, rows: 0..<batch, tokens: 0..<tokens), plan, cache, targets)
    }
    let tokenStep = plan.takesChunks ? min(tokens, chunkRowCount) : tokens
    let rowStep = max(1, chunkRowCount / tokens)
    let kept =
      tokenStep == tokens ? cache : cache ?? KeyValueCache(graph, batchCount: batch, capacity: tokens)
    for firstRow in stride(from: 0, to: batch, by: rowStep) {
      let rows = firstRow..<min(batch, firstRow + rowStep)
      for first in stride(from: 0, to: tokens, by: tokenStep) {
        let range = first..<min(tokens, first + tokenStep)
        let places = zip(targets, plan.outputs).map { target, output in
          target + (output.rows == .all ? firstRow * tokens + first : firstRow) * output.width
        }
        runPass(PlanPass(run, rows: rows, tokens: range), plan, kept, places)
      }
    }
  }

  private func runPass(
    _ pass: PlanPass, _ plan: ExecutionPlan, _ cache: KeyValueCache?, _ targets: [UnsafeMutablePointer<Float>]
  ) {
    let rowCount = pass.batchCount * pass.tokenCount
    // Each slot starts at a cache line.
    let strides = plan.slotWidths.map { ($0 * rowCount + 15) / 16 * 16 }
    let needed = strides.reduce(0, +) * MemoryLayout<Float>.size
    if workspace.byteCount < needed { workspace = AlignedBuffer(uninitializedByteCount: needed) }
    var slots: [UnsafeMutablePointer<Float>] = []
    var start = workspace.pointer(as: Float.self)
    for stride in strides {
      slots.append(start)
      start += stride
    }
    PlanRun(weights: weights, means: means, pass: pass, cache: cache, slots: slots, targets: targets)
      .run(plan.steps)
  }
}
