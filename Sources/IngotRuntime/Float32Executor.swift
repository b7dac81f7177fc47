// SPDX-License-Identifier: Apache-2.0
// Runs a graph with f32 activations: by a plan made once for each kind of run, in memory that stays, on the threads of a
// pool. Sums have one order whatever the threads. No model is named here.
import IngotCore
import IngotGraph
import IngotKernels

/// Runs a graph with f32 activations.
public final class Float32Executor {
  /// The graph that is run.
  public let graph: ModelGraph
  /// What products are made of.
  public let arithmetic: Arithmetic
  private let store: WeightStore
  let pool: ThreadPool
  let kernels: KernelTable
  let scratch = ProductScratch()
  let headScratches: [ProductScratch]
  private var plans: [PlanKey: ExecutionPlan] = [:]
  private var linears: [TensorRole: LinearWeight] = [:]
  private var vectors: [TensorRole: AlignedBuffer] = [:]
  private var tables: [TensorRole: EmbeddingTable] = [:]
  private var workspace = AlignedBuffer(byteCount: 0)

  /// What plans differ by.
  private struct PlanKey: Hashable {
    let wanted: Set<String>
    let lastLogitsOnly: Bool
  }

  private let chunkRowCount: Int

  /// What attention's products are made of: bf16 where products round that much anyway, and where it is faster.
  var attentionForm: PackedWeight.Form { arithmetic != .stored && kernels.multipliesBF16 ? .bf16 : .f32 }

  /// Makes an executor.
  ///
  /// - Parameters:
  ///   - graph: a graph whose parameters the store holds; validated before.
  ///   - store: the weights; F32, F16, BF16 and int8 are used as they are stored, others are converted once.
  ///   - arithmetic: what products are made of.
  ///   - pool: the threads.
  ///   - kernels: the kernels.
  ///   - chunkRowCount: rows that pass through the graph at once: more would only take memory.
  public init(
    _ graph: ModelGraph, _ store: WeightStore, arithmetic: Arithmetic = .stored, pool: ThreadPool = .shared,
    kernels: KernelTable = .current, chunkRowCount: Int = 1024
  ) {
    self.chunkRowCount = max(1, chunkRowCount)
    self.graph = graph
    self.store = store
    self.arithmetic = arithmetic
    self.pool = pool
    self.kernels = kernels
    headScratches = (0..<pool.threadCount).map { _ in ProductScratch() }
  }

  /// Runs the graph.
  ///
  /// - Parameters:
  ///   - request: tokens, and what is wanted.
  ///   - cache: keys and values of earlier runs, extended by this one's; `nil` for a run of its own.
  ///   - outputs: where the wanted outputs go, by name; arrays that fit are written in place.
  /// - Throws: ``IngotCore/IngotError/unsuitable(_:why:hint:)`` for ids outside the vocabulary, positions outside the
  ///   context, a mask of another length, a full cache, and names that the graph does not have.
  public func run(
    _ request: RunRequest, cache: KeyValueCache? = nil, into outputs: inout [String: RunOutput<Float>]
  ) throws(IngotError) {
    let past = cache?.tokenCount ?? 0
    let positions = try request.checkedPositions(for: graph, past: past)
    if let cache, cache.batchCount != request.batchCount || past + request.tokenCount > cache.capacity {
      throw .unsuitable(
        Location("input"),
        why: "\(request.batchCount) × \(past + request.tokenCount) tokens do not fit the cache",
        hint: nil)
    }
    let plan = try plan(for: request)
    outputs = outputs.filter { request.wanted.contains($0.key) }
    for (name, width, rows) in plan.outputs {
      let tokens = rows == .last ? 1 : request.tokenCount
      let shape = Shape([request.batchCount, tokens, width]) ?? .scalar
      if outputs[name]?.shape != shape {
        outputs[name] = RunOutput(shape: shape, values: Self.uninitialized(shape.elementCount))
      }
    }
    withTargets(plan.outputs.map(\.name)[...], &outputs, []) { targets in
      runChunks(request, positions: positions, plan: plan, cache: cache, targets: targets)
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
  public func run(
    _ request: RunRequest, cache: KeyValueCache? = nil
  ) throws(IngotError) -> [String: RunOutput<Float>] {
    var outputs: [String: RunOutput<Float>] = [:]
    try run(request, cache: cache, into: &outputs)
    return outputs
  }

  private static func uninitialized(_ count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { _, initialized in initialized = count }
  }

  private func plan(for request: RunRequest) throws(IngotError) -> ExecutionPlan {
    let key = PlanKey(wanted: request.wanted, lastLogitsOnly: request.lastLogitsOnly)
    if let plan = plans[key] { return plan }
    let plan = ExecutionPlan(
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

  /// Cuts a run into passes of at most so many rows; keys and values of earlier chunks go through a cache.
  private func runChunks(
    _ request: RunRequest, positions: [Int], plan: ExecutionPlan, cache: KeyValueCache?,
    targets: [UnsafeMutablePointer<Float>]
  ) {
    let past = cache?.tokenCount ?? 0
    let (batch, tokens) = (request.batchCount, request.tokenCount)
    guard batch * tokens > chunkRowCount, batch * tokens > 1 else {
      return runPass(
        PlanPass(request, positions, rows: 0..<batch, tokens: 0..<tokens, past: past), plan, cache, targets)
    }
    // Rows of a batch one after the other, each in chunks of tokens.
    let kept =
      tokens <= chunkRowCount
      ? cache : cache ?? KeyValueCache(graph, batchCount: batch, capacity: tokens)
    for row in 0..<batch {
      for first in stride(from: 0, to: tokens, by: chunkRowCount) {
        let range = first..<min(tokens, first + chunkRowCount)
        let places = zip(targets, plan.outputs).map { target, output in
          target + (output.rows == .last ? row : row * tokens + first) * output.width
        }
        runPass(
          PlanPass(request, positions, rows: row..<(row + 1), tokens: range, past: past), plan, kept, places)
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
    PlanRun(executor: self, pass: pass, cache: cache, slots: slots, targets: targets).run(plan.steps)
  }

  // MARK: - Weights

  /// A linear weight, prepared when first used.
  func linear(_ role: TensorRole, _ layout: WeightLayout) -> LinearWeight? {
    if let known = linears[role] { return known }
    guard let weight = store[role],
      let linear = LinearWeight(weight, layout: layout, arithmetic: arithmetic, kernels: kernels)
    else { return nil }
    linears[role] = linear
    return linear
  }

  /// A small weight as floats, converted when first used.
  func vector(_ role: TensorRole) -> UnsafePointer<Float> {
    if let known = vectors[role] { return UnsafePointer(known.pointer(as: Float.self)) }
    let floats = store[role]?.floats ?? []
    let buffer = AlignedBuffer(Float.self, count: floats.count)
    buffer.pointer(as: Float.self).update(from: floats, count: floats.count)
    vectors[role] = buffer
    return UnsafePointer(buffer.pointer(as: Float.self))
  }

  /// A table of rows by id, prepared when first used.
  func table(_ role: TensorRole) -> EmbeddingTable? {
    if let known = tables[role] { return known }
    guard let weight = store[role], let table = EmbeddingTable(weight) else { return nil }
    tables[role] = table
    return table
  }
}

/// Which part of a request passes through the graph.
struct PlanPass {
  let batchCount: Int
  let tokenCount: Int
  /// The first row of the batch.
  let firstRow: Int
  /// Tokens before these: cached ones, and earlier chunks.
  let past: Int
  /// `[B, T]` of this pass.
  let ids: [Int]
  let positions: [Int]
  /// 0 where a token may not be seen, `[B, P + T]`; empty where all may.
  let mask: [UInt8]

  init(_ request: RunRequest, _ positions: [Int], rows: Range<Int>, tokens: Range<Int>, past: Int) {
    batchCount = rows.count
    tokenCount = tokens.count
    firstRow = rows.lowerBound
    self.past = past + tokens.lowerBound
    func part(_ values: [Int]) -> [Int] {
      guard rows.count < request.batchCount || tokens.count < request.tokenCount else { return values }
      return rows.flatMap { row in
        values[
          (row * request.tokenCount + tokens.lowerBound)..<(row * request.tokenCount + tokens.upperBound)]
      }
    }
    ids = part(request.ids)
    self.positions = part(positions)
    let context = past + request.tokenCount
    let seen = past + tokens.upperBound
    mask =
      request.mask.map { mask in
        rows.flatMap { row in mask[(row * context)..<(row * context + seen)].map { $0 ? 1 : 0 } }
      } ?? []
  }
}
