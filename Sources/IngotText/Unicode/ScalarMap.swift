// SPDX-License-Identifier: Apache-2.0
// A byte for each code point, in blocks of 256, of which those with one value are shared.

/// A small number for each code point.
struct ScalarMap: Sendable {
  /// The number of each code point's block, by the code point's upper bits.
  private var blocks: [UInt16] = []
  /// The blocks, one behind the other.
  private var values: [UInt8] = []

  /// Takes runs that cover all code points.
  init(_ runs: some Sequence<(length: Int, value: UInt8)>) {
    var shared: [UInt8: UInt16] = [:]
    var block: [UInt8] = []
    block.reserveCapacity(256)
    for run in runs {
      var left = run.length
      while left > 0 {
        if block.isEmpty, left >= 256 {
          if let known = shared[run.value] {
            blocks.append(known)
          } else {
            shared[run.value] = addBlock(Array(repeating: run.value, count: 256))
          }
          left -= 256
        } else {
          let taken = Swift.min(left, 256 - block.count)
          block.append(contentsOf: repeatElement(run.value, count: taken))
          left -= taken
          if block.count == 256 {
            _ = addBlock(block)
            block.removeAll(keepingCapacity: true)
          }
        }
      }
    }
  }

  private mutating func addBlock(_ block: [UInt8]) -> UInt16 {
    let number = UInt16(values.count / 256)
    values += block
    blocks.append(number)
    return number
  }

  /// Gives the blocks' numbers, by the code point's upper bits, and the blocks of 256 behind one another.
  func withTables<Result>(
    _ body: (UnsafeBufferPointer<UInt16>, UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    blocks.withUnsafeBufferPointer { blocks in values.withUnsafeBufferPointer { body(blocks, $0) } }
  }

  /// The number of a code point.
  subscript(scalar: UInt32) -> UInt8 {
    values[Int(blocks[Int(scalar >> 8)]) * 256 + Int(scalar & 0xFF)]
  }
}
