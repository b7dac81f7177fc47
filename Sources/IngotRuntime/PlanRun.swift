// SPDX-License-Identifier: Apache-2.0
// Carries out the steps of a plan for one pass of rows. What a step computes is said by its operator.
import IngotCore
import IngotGraph
import IngotKernels

/// An operator with f32 activations.
protocol FloatOperator {
  /// Computes the step's output.
  func compute(_ step: FloatStep)
}

extension GraphOperator {
  /// Whether both executors can compute it; false for one whose file is missing here.
  package static var hasArithmetic: Bool { self is any (ReferenceOperator & FloatOperator).Type }
}

/// Someone who looks at what products take: calibration.
package protocol ProductObserver: AnyObject {
  /// Looks at rows before they are multiplied.
  ///
  /// - Parameters:
  ///   - rows: `[rowCount, depth]`, f32, contiguous; valid during the call.
  ///   - rowCount: the rows.
  ///   - depth: numbers of each.
  ///   - weight: what they are multiplied by.
  func observe(_ rows: UnsafePointer<Float>, rowCount: Int, depth: Int, of weight: TensorRole)
}

/// What steps compute with.
struct FloatMeans {
  let arithmetic: Arithmetic
  let pool: ThreadPool
  let kernels: KernelTable
  /// Those of products.
  let products: ProductMeans
  /// One for each thread.
  let threadScratches: [ProductScratch]
  /// Who looks at what products take.
  let observer: (any ProductObserver)?

  init(
    arithmetic: Arithmetic, pool: ThreadPool, kernels: KernelTable, observer: (any ProductObserver)? = nil
  ) {
    self.observer = observer
    self.arithmetic = arithmetic
    self.pool = pool
    self.kernels = kernels
    products = ProductMeans(pool: pool, kernels: kernels)
    threadScratches = (0..<pool.threadCount).map { _ in ProductScratch() }
  }

  /// Functions of numbers that products round to bf16 or int8 need no more than single precision.
  var accuracy: FunctionAccuracy { arithmetic == .stored ? .exact : .quick }

  /// What attention's products are made of: bf16 where products round that much anyway, and where it is faster.
  var attentionForm: PackedWeight.Form { arithmetic != .stored && kernels.multipliesBF16 ? .bf16 : .f32 }
}

/// One pass through the steps of a plan.
struct PlanRun {
  let weights: WeightBank
  let means: FloatMeans
  let pass: PlanPass
  let cache: KeyValueCache?
  let rotaryTables = RotaryTables()
  /// The workspace's slots.
  let slots: [UnsafeMutablePointer<Float>]
  /// The caller's memory for wanted outputs.
  let targets: [UnsafeMutablePointer<Float>]

  func run(_ steps: [ExecutionPlan.Step]) {
    for step in steps {
      step.operation.compute(FloatStep(run: self, step: step))
      for copy in step.copies {
        targets[copy].update(from: pointer(step.output), count: rowCount(step.output) * step.output.width)
      }
    }
  }

  fileprivate func pointer(_ value: ExecutionPlan.Value) -> UnsafeMutablePointer<Float> {
    switch value.place {
    case .slot(let index): slots[index]
    case .output(let index): targets[index]
    }
  }

  fileprivate func rowCount(_ value: ExecutionPlan.Value) -> Int {
    pass.batchCount * (value.rows == .all ? pass.tokenCount : 1)
  }
}

/// One step of a pass: what its operator computes from, with, and into.
struct FloatStep {
  let run: PlanRun
  let step: ExecutionPlan.Step

  /// Elements below which work on rows stays on one thread.
  private static let rowGrain = 1 << 13

  var pass: PlanPass { run.pass }
  var means: FloatMeans { run.means }
  var kernels: KernelTable { run.means.kernels }
  var cache: KeyValueCache? { run.cache }
  var ending: ExecutionPlan.Ending { step.ending }
  /// Which rows are wanted.
  var rows: ExecutionPlan.Rows { step.output.rows }
  /// Their number.
  var rowCount: Int { run.rowCount(step.output) }
  /// Numbers of each.
  var width: Int { step.output.width }

  /// Where the output lies, `[rowCount, width]`.
  var output: UnsafeMutablePointer<Float> { run.pointer(step.output) }

  /// Where an input lies that is activations; where rows are computed one by one, those that are wanted.
  func input(_ index: Int) -> UnsafeMutablePointer<Float> { run.pointer(step.inputs[index]) }

  /// What an input holds that is integers, for the rows that are wanted.
  func integers(_ index: Int) -> [Int] {
    let all = pass.integers[step.integers[index]] ?? []
    guard rows == .last else { return all }
    return (0..<pass.batchCount).map { all[($0 + 1) * pass.tokenCount - 1] }
  }

  /// The cosines and sines of the rows that are wanted, for positions that are the first integers.
  func rotaryTable(_ schedule: RotarySchedule, _ positions: [Int]) -> RotaryTable {
    let edge = step.integers[0]
    return run.rotaryTables.table(
      schedule, edge: edge, rows: rows, positions, length: (pass.greatest[edge] ?? 0) + 1)
  }

  /// A parameter as a linear weight.
  func linear(_ index: Int, _ layout: WeightLayout) -> LinearWeight? {
    run.weights.linear(step.parameters[index], layout)
  }

  /// Multiplies rows by a parameter that is a linear weight.
  ///
  /// - Parameters:
  ///   - x: `[rowCount, K]`, f32, contiguous.
  ///   - rowCount: the rows.
  ///   - index: which parameter.
  ///   - layout: how it is stored.
  ///   - end: bias, activation and residual.
  ///   - y: `[rowCount, N]`, f32, contiguous.
  func multiply(
    _ x: UnsafePointer<Float>, rowCount: Int, by index: Int, _ layout: WeightLayout, end: ProductEnd,
    into y: UnsafeMutablePointer<Float>
  ) {
    guard let weight = linear(index, layout) else { return }
    means.observer?.observe(x, rowCount: rowCount, depth: weight.depth, of: step.parameters[index])
    weight.multiply(x, rowCount: rowCount, end: end, into: y, with: means.products)
  }

  /// A small parameter as floats.
  func vector(_ index: Int) -> UnsafePointer<Float> { run.weights.vector(step.parameters[index]) }

  /// A parameter as a table of rows by id.
  func table(_ index: Int) -> EmbeddingTable? { run.weights.table(step.parameters[index]) }

  /// Calls `body` with ranges of rows, on several threads where there is enough to do.
  func forEachRows(_ body: (Range<Int>) -> Void) {
    guard rowCount * width > 2 * Self.rowGrain else { return body(0..<rowCount) }
    means.pool.forEachRange(rowCount, grain: max(1, Self.rowGrain / max(1, width))) { _, rows in body(rows) }
  }

  /// Calls `body` with stretches of whole rows, likewise, whose numbers are as many in each input and in the output.
  ///
  /// - Parameter body: takes the first number's place, how many there are, and where results go.
  func forEachStretch(_ body: (_ start: Int, _ count: Int, _ output: UnsafeMutablePointer<Float>) -> Void) {
    forEachRows { rows in
      let start = rows.lowerBound * width
      body(start, rows.count * width, output + start)
    }
  }
}

/// Which part of a run passes through the graph.
struct PlanPass {
  let batchCount: Int
  let tokenCount: Int
  /// The first row of the batch.
  let firstRow: Int
  /// Tokens before these: cached ones, and earlier chunks.
  let past: Int
  /// Integers by edge, `[B, T]` or `[B]` of this pass.
  let integers: [Int: [Int]]
  /// The greatest of the whole run's integers, by edge.
  let greatest: [Int: Int]
  /// 0 where a token may not be seen, `[B, P + T]`; empty where all may.
  let mask: [UInt8]

  init(_ run: RunInputs, rows: Range<Int>, tokens: Range<Int>) {
    let whole = run.extent
    batchCount = rows.count
    tokenCount = tokens.count
    firstRow = rows.lowerBound
    past = whole.pastCount + tokens.lowerBound
    let isWhole = rows.count == whole.batchCount && tokens.count == whole.tokenCount
    integers =
      isWhole
      ? run.integers
      : run.integers.mapValues { values in
        // One a token, or one a sequence, which then passes as a whole.
        guard values.count == whole.batchCount * whole.tokenCount else { return Array(values[rows]) }
        return rows.flatMap { row in
          values[(row * whole.tokenCount + tokens.lowerBound)..<(row * whole.tokenCount + tokens.upperBound)]
        }
      }
    greatest = run.greatest
    let seen = whole.pastCount + tokens.upperBound
    mask =
      whole.mask.map { mask in
        rows.flatMap { row -> [UInt8] in
          let start = row * whole.contextCount
          return mask[start..<(start + seen)].map { $0 ? 1 : 0 }
        }
      } ?? []
  }

  /// The last token of this pass that a row's mask shows; 0 when it shows none.
  func lastVisibleToken(row: Int) -> Int {
    guard !mask.isEmpty else { return tokenCount - 1 }
    let start = row * (past + tokenCount) + past
    return (0..<tokenCount).last { mask[start + $0] != 0 } ?? 0
  }
}
