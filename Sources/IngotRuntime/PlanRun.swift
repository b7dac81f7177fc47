// SPDX-License-Identifier: Apache-2.0
// Carries out the steps of a plan for one pass of rows.
import IngotCore
import IngotGraph
import IngotKernels

/// One pass through the steps of a plan.
struct PlanRun {
  let executor: Float32Executor
  let pass: PlanPass
  let cache: KeyValueCache?
  /// The workspace's slots.
  let slots: [UnsafeMutablePointer<Float>]
  /// The caller's memory for wanted outputs.
  let targets: [UnsafeMutablePointer<Float>]

  /// Elements below which work on rows stays on one thread.
  private static let rowGrain = 1 << 13

  /// Functions of numbers that products round to bf16 or int8 need no more than single precision.
  private var accuracy: FunctionAccuracy { executor.arithmetic == .stored ? .exact : .quick }

  func run(_ steps: [ExecutionPlan.Step]) {
    for step in steps {
      compute(step)
      for copy in step.copies {
        targets[copy].update(from: pointer(step.output), count: rowCount(step.output) * step.output.width)
      }
    }
  }

  private func pointer(_ value: ExecutionPlan.Value) -> UnsafeMutablePointer<Float> {
    switch value.place {
    case .slot(let index): slots[index]
    case .output(let index): targets[index]
    }
  }

  private func input(_ index: Int, _ step: ExecutionPlan.Step) -> UnsafeMutablePointer<Float> {
    pointer(step.inputs[index])
  }

  private func rowCount(_ value: ExecutionPlan.Value) -> Int {
    pass.batchCount * (value.rows == .all ? pass.tokenCount : 1)
  }

  private func compute(_ step: ExecutionPlan.Step) {
    let output = pointer(step.output)
    let rows = rowCount(step.output)
    let width = step.output.width
    let kernels = executor.kernels
    switch step.work {
    case .embedding(let table, let ofPositions):
      executor.table(table)?.gather(
        ids(of: ofPositions ? pass.positions : pass.ids, for: step.output), into: output, pool: executor.pool)
    case .layerNorm(let gain, let bias, let epsilon):
      let (gain, bias) = (executor.vector(gain), executor.vector(bias))
      forEachRows(rows, width: width) { rows in
        kernels.layerNorm(
          input(0, step) + rows.lowerBound * width, into: output + rows.lowerBound * width,
          rowCount: rows.count,
          width: width, gain: gain, bias: bias, epsilon: epsilon)
      }
    case .linear(let linear):
      var end = ProductEnd(bias: linear.bias.map(executor.vector), activation: linear.activation?.kernel)
      end.accuracy = accuracy
      if linear.addsResidual { end.residual = UnsafePointer(input(1, step)) }
      executor.linear(linear.weight, linear.layout)?.multiply(
        input(0, step), rowCount: rows, end: end, into: output, scratch: executor.scratch,
        pool: executor.pool,
        kernels: kernels)
    case .attention(let attributes):
      attend(input(0, step), attributes, into: output, rows: step.output.rows)
    case .activation(let kind):
      forEachRows(rows, width: width) { rows in
        let range = (rows.lowerBound * width, rows.count * width)
        if let kernel = kind.kernel {
          kernels.activate(
            kernel, input(0, step) + range.0, into: output + range.0, count: range.1, accuracy: accuracy)
        } else if input(0, step) != output {
          (output + range.0).update(from: input(0, step) + range.0, count: range.1)
        }
      }
    case .add:
      forEachRows(rows, width: width) { rows in
        let start = rows.lowerBound * width
        kernels.add(
          input(0, step) + start, input(1, step) + start, into: output + start, count: rows.count * width)
      }
    case .lastRows:
      for row in 0..<pass.batchCount {
        let last = input(0, step) + ((row + 1) * pass.tokenCount - 1) * width
        (output + row * width).update(from: last, count: width)
      }
    }
  }

  private func ids(of all: [Int], for value: ExecutionPlan.Value) -> [Int] {
    guard value.rows == .last else { return all }
    return (0..<pass.batchCount).map { all[($0 + 1) * pass.tokenCount - 1] }
  }

  /// Calls `body` with ranges of rows, on several threads where there is enough to do.
  private func forEachRows(_ count: Int, width: Int, _ body: (Range<Int>) -> Void) {
    guard count * width > 2 * Self.rowGrain else { return body(0..<count) }
    executor.pool.forEachRange(count, grain: max(1, Self.rowGrain / max(1, width))) { _, rows in body(rows) }
  }

  private func attend(
    _ qkv: UnsafeMutablePointer<Float>, _ attributes: AttentionAttributes,
    into output: UnsafeMutablePointer<Float>, rows: ExecutionPlan.Rows
  ) {
    let width = attributes.headCount * attributes.headDimension
    if let cache {
      for row in 0..<pass.batchCount {
        cache.keep(
          qkv + row * pass.tokenCount * 3 * width, count: pass.tokenCount, slot: attributes.cacheSlot,
          row: pass.firstRow + row, at: pass.past)
      }
    }
    let attention = FloatAttention(
      attributes: attributes, batchCount: pass.batchCount, tokenCount: pass.tokenCount, pastCount: pass.past,
      firstQuery: rows == .all ? 0 : pass.tokenCount - 1, mask: pass.mask, accuracy: accuracy,
      form: executor.attentionForm)
    attention.run(
      qkv, into: output, scratches: executor.headScratches, pool: executor.pool, kernels: executor.kernels
    ) { row in
      guard let cache else {
        let start = qkv + row * pass.tokenCount * 3 * width
        return FloatAttention.Context(
          keys: UnsafeRawPointer(start + width), values: UnsafeRawPointer(start + 2 * width), element: .f32,
          stride: 3 * width)
      }
      let (keys, values) = cache.rows(slot: attributes.cacheSlot, row: pass.firstRow + row)
      return FloatAttention.Context(
        keys: UnsafeRawPointer(keys), values: UnsafeRawPointer(values), element: cache.element.matrixElement,
        stride: width)
    }
  }
}
