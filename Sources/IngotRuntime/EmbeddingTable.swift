// SPDX-License-Identifier: Apache-2.0
// Rows of a table by id, read from where the table is stored.
import IngotCore
import IngotKernels

/// A table of rows by id.
final class EmbeddingTable {
  private let weight: Weight
  private let rows: FloatRowDecoder
  private let width: Int
  private let kept: (rows: KeptRows, decoder: FloatRowDecoder)?

  /// Rows that one chunk of work gathers.
  private static let grain = 64

  /// Prepares a table; `nil` when it is no matrix of numbers.
  init?(_ weight: Weight) {
    guard weight.shape.rank == 2 else { return nil }
    let width = weight.shape.dimensions[1]
    self.width = width
    if let rows = FloatRowDecoder(weight.type, width: width) {
      (self.weight, self.rows) = (weight, rows)
      kept = weight.kept.flatMap { kept in
        FloatRowDecoder(kept.numbers.type, width: width).map { (kept, $0) }
      }
      return
    }
    // Types without a byte width of their own are converted once.
    let wide = weight.widened
    kept = nil
    guard let rows = FloatRowDecoder(wide.type, width: width) else { return nil }
    (self.weight, self.rows) = (wide, rows)
  }

  /// Gathers rows.
  ///
  /// - Parameters:
  ///   - ids: rows of the table, `[n]`; checked before.
  ///   - output: `[n, D]`, f32; overwritten.
  ///   - pool: the threads.
  func gather(_ ids: [Int], into output: UnsafeMutablePointer<Float>, pool: ThreadPool) {
    guard let start = weight.bytes.baseAddress else { return }
    pool.forEachRange(ids.count, grain: Self.grain) { _, range in
      for index in range {
        let row = output + index * width
        guard !takeKept(ids[index], into: row) else { continue }
        rows.decode(start + ids[index] * rows.rowByteCount, to: row)
        scale(row, of: ids[index])
      }
    }
  }

  /// Takes a row that is kept; tells whether it is one.
  private func takeKept(_ id: Int, into row: UnsafeMutablePointer<Float>) -> Bool {
    guard let (rows, decoder) = kept, let place = rows.place(of: id),
      let start = rows.numbers.bytes.baseAddress
    else { return false }
    decoder.decode(start + place * decoder.rowByteCount, to: row)
    return true
  }

  private func scale(_ row: UnsafeMutablePointer<Float>, of id: Int) {
    if let groups = weight.groups {
      for column in 0..<width { row[column] *= groups.scale(ofRow: id, column: column, of: weight.shape) }
    }
    guard !weight.scales.isEmpty else { return }
    for column in 0..<width {
      switch weight.scaleAxis {
      case 0: row[column] *= weight.scales[id]
      case 1: row[column] *= weight.scales[column]
      default: row[column] *= weight.scales[0]
      }
    }
  }
}
