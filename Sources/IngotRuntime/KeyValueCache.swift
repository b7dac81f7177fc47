// SPDX-License-Identifier: Apache-2.0
// Keys and values of the tokens seen so far, in one stretch of memory a block, as f32 or f16.
import IngotCore
import IngotGraph
import IngotKernels

/// How the keys and values of earlier tokens are kept.
public enum CacheElement: String, CaseIterable, Sendable {
  /// As computed.
  case f32
  /// Rounded to half precision: half the memory, and half the reading.
  case f16

  package var matrixElement: WeightMatrix.Element { self == .f32 ? .f32 : .f16 }
}

/// Keys and values of the tokens that a ``Float32Executor`` has seen.
package final class KeyValueCache {
  /// Rows, B.
  package let batchCount: Int
  /// Tokens it can hold.
  package let capacity: Int
  /// How numbers are kept.
  package let element: CacheElement
  /// Tokens seen, P.
  package private(set) var tokenCount = 0
  /// The keys of each of the graph's caches, then its values, `[B, capacity, width]` each.
  private let memory: [AlignedBuffer]
  private let widths: [Int]

  /// Makes an empty cache.
  ///
  /// - Parameters:
  ///   - graph: the model.
  ///   - batchCount: rows.
  ///   - capacity: tokens it can hold.
  ///   - element: how numbers are kept.
  /// - Complexity: memory counts only when tokens are kept in it.
  package init(_ graph: ModelGraph, batchCount: Int = 1, capacity: Int, element: CacheElement = .f32) {
    self.batchCount = batchCount
    self.capacity = capacity
    self.element = element
    widths = graph.caches.map { $0.width ?? 0 }
    memory = widths.map { width in
      AlignedBuffer(
        uninitializedByteCount: element.matrixElement.byteCount(of: 2 * batchCount * capacity * width))
    }
  }

  /// Where a row's keys and values of one of the caches start, `[capacity, width]` each.
  func rows(slot: Int, row: Int) -> (keys: UnsafeMutableRawPointer, values: UnsafeMutableRawPointer) {
    let rowBytes = element.matrixElement.byteCount(of: capacity * widths[slot])
    let start = memory[slot].start
    return (start + row * rowBytes, start + (batchCount + row) * rowBytes)
  }

  /// Numbers from one token's keys to the next's.
  func width(slot: Int) -> Int { widths[slot] }

  /// Keeps a row's new keys and values.
  ///
  /// - Parameters:
  ///   - newKeys: the first token's keys.
  ///   - newValues: the first token's values.
  ///   - count: T.
  ///   - slot: the cache, counted among the graph's.
  ///   - row: the row.
  ///   - position: tokens kept before.
  func keep(
    keys newKeys: FloatRows, values newValues: FloatRows, count: Int, slot: Int, row: Int, at position: Int
  ) {
    let width = widths[slot]
    let (keys, values) = rows(slot: slot, row: row)
    let narrowing = element == .f16 ? ElementConversion(from: .f32, to: .f16, onOverflow: .infinity) : nil
    for token in 0..<count {
      let offset = element.matrixElement.byteCount(of: (position + token) * width)
      for (target, source) in [(keys, newKeys), (values, newValues)] {
        if let narrowing {
          _ = narrowing.convert(count: width, from: UnsafeRawPointer(source.row(token)), to: target + offset)
        } else {
          (target + offset).copyMemory(from: source.row(token), byteCount: width * 4)
        }
      }
    }
  }

  /// Counts tokens as seen, when all blocks hold them.
  func advance(by count: Int) { tokenCount += count }

  /// Forgets what comes behind some tokens, at most those seen.
  package func truncate(to count: Int) { tokenCount = min(tokenCount, max(0, count)) }
}
