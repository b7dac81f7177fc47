// SPDX-License-Identifier: Apache-2.0
// Cosines and sines of one pass, made once for all blocks that turn by the same schedule.
import IngotGraph
import IngotKernels

/// Cosine and sine of each token's angles.
struct RotaryTable {
  private let buffer: AlignedBuffer
  private let rowStride: Int

  /// Makes a table.
  ///
  /// - Parameters:
  ///   - schedule: how fast pairs turn.
  ///   - positions: of the tokens.
  ///   - length: the greatest position of the run and 1.
  init(_ schedule: RotarySchedule, _ positions: [Int], length: Int) {
    let pairs = schedule.pairCount
    rowStride = 2 * pairs
    buffer = AlignedBuffer(Float.self, count: positions.count * rowStride)
    let numbers = buffer.pointer(as: Float.self)
    let (frequencies, factor) = (schedule.frequencies(length: length), schedule.attentionFactor)
    for (row, position) in positions.enumerated() {
      let cosine = numbers + row * rowStride
      RotaryAngles.fill(
        position: position, frequencies: frequencies, factor: factor, cosine: cosine, sine: cosine + pairs)
    }
  }

  /// A token's cosines, `[pairCount]`, and behind them its sines.
  func row(_ index: Int) -> UnsafePointer<Float> {
    UnsafePointer(buffer.pointer(as: Float.self) + index * rowStride)
  }
}

/// The tables of one pass.
final class RotaryTables {
  private struct Key: Hashable {
    let schedule: RotarySchedule
    let edge: Int
    let rows: ExecutionPlan.Rows
  }

  private var tables: [Key: RotaryTable] = [:]

  /// The table of a schedule for the positions that come on an edge.
  func table(
    _ schedule: RotarySchedule, edge: Int, rows: ExecutionPlan.Rows, _ positions: [Int], length: Int
  ) -> RotaryTable {
    let key = Key(schedule: schedule, edge: edge, rows: rows)
    if let known = tables[key] { return known }
    let table = RotaryTable(schedule, positions, length: length)
    tables[key] = table
    return table
  }
}
