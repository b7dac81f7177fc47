// SPDX-License-Identifier: Apache-2.0
// Keys and values of the tokens seen so far, in one stretch of memory a block, as f32 or f16.
import IngotCore
import IngotGraph
import IngotKernels

/// Keys and values of the tokens that a ``Float32Executor`` has seen.
public final class KeyValueCache {
  /// How numbers are kept.
  public enum Element: String, CaseIterable, Sendable {
    /// As computed.
    case f32
    /// Rounded to half precision: half the memory, and half the reading.
    case f16

    var matrixElement: WeightMatrix.Element { self == .f32 ? .f32 : .f16 }
  }

  /// Rows, B.
  public let batchCount: Int
  /// Tokens it can hold.
  public let capacity: Int
  /// How numbers are kept.
  public let element: Element
  /// Tokens seen, P.
  public private(set) var tokenCount = 0
  /// A block's keys, then its values, `[B, capacity, D]` each.
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
  public init(_ graph: ModelGraph, batchCount: Int = 1, capacity: Int, element: Element = .f32) {
    self.batchCount = batchCount
    self.capacity = capacity
    self.element = element
    var widths = [Int](repeating: 0, count: graph.inputs.caches.count)
    for node in graph.nodes {
      guard case .attention(let attributes) = node.operation, widths.indices.contains(attributes.cacheSlot)
      else { continue }
      widths[attributes.cacheSlot] = attributes.headCount * attributes.headDimension
    }
    self.widths = widths
    let byteWidth = element.matrixElement.byteWidth
    memory = widths.map { width in
      AlignedBuffer(uninitializedByteCount: 2 * batchCount * capacity * width * byteWidth)
    }
  }

  /// Where a row's keys and values of a block start, `[capacity, D]` each.
  func rows(slot: Int, row: Int) -> (keys: UnsafeMutableRawPointer, values: UnsafeMutableRawPointer) {
    let rowBytes = capacity * widths[slot] * element.matrixElement.byteWidth
    let start = memory[slot].start
    return (start + row * rowBytes, start + (batchCount + row) * rowBytes)
  }

  /// Keeps a row's new keys and values.
  ///
  /// - Parameters:
  ///   - qkv: the first token's queries, keys and values, `[T, 3D]`, f32.
  ///   - count: T.
  ///   - slot: the block.
  ///   - row: the row.
  ///   - position: tokens kept before.
  func keep(_ qkv: UnsafePointer<Float>, count: Int, slot: Int, row: Int, at position: Int) {
    let width = widths[slot]
    let (keys, values) = rows(slot: slot, row: row)
    let narrowing = element == .f16 ? ElementConversion(from: .f32, to: .f16, onOverflow: .infinity) : nil
    let byteWidth = element.matrixElement.byteWidth
    for token in 0..<count {
      let source = qkv + token * 3 * width
      let offset = (position + token) * width * byteWidth
      for (target, start) in [(keys, source + width), (values, source + 2 * width)] {
        if let narrowing {
          _ = narrowing.convert(count: width, from: UnsafeRawPointer(start), to: target + offset)
        } else {
          (target + offset).copyMemory(from: start, byteCount: width * 4)
        }
      }
    }
  }

  /// Counts tokens as seen, when all blocks hold them.
  func advance(by count: Int) { tokenCount += count }
}
