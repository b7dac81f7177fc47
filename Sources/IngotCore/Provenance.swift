// SPDX-License-Identifier: Apache-2.0
// What was done to a tensor on its way from source to output. Decisions read the value; its words are for people and for
// the provenance of `.ingot` files (formats/ingot.md, "Tail").

/// One thing that was done to a tensor's values or layout.
package enum Provenance: Hashable, Sendable {
  /// Rounded once to another dtype.
  case cast(from: DType, to: DType)
  /// Rows and columns exchanged.
  case transposed
  /// A dimension of 1 put before the others.
  case leadingOneAdded
  /// A first dimension of 1 taken away.
  case leadingOneDropped
  /// The rows of heads that are turned together put side by side.
  case pairedSideBySide
  /// The rows of heads that are turned together put half a head apart.
  case pairedApart
  /// So many groups of so many groups of rows, with the outer and the inner ones exchanged.
  case regrouped(outer: Int, inner: Int)
  /// A number added to each value.
  case shifted(by: Int)
  /// The channels of a dimension multiplied by powers of two.
  case channelsMultiplied
  /// The first rows taken.
  case firstRows(Int)
  /// The rows of another parameter put behind.
  case joined
  /// So many rows taken from one on.
  case rows(Int, Int)
  /// One block's part taken out of a stack.
  case block(Int)
  /// The parameters of all blocks stacked.
  case stacked(blocks: Int)
  /// Rows of zeros added.
  case padded(toRows: Int)
  /// Zeros in place of a parameter that the model lacks.
  case zeros
  /// Blocks turned into the numbers they stand for.
  case dequantizedBlocks(BlockType)
  /// Small numbers multiplied by their scales.
  case scaled(from: DType)
  /// Packed values of a scheme turned into the numbers they stand for.
  case unpacked(scheme: String)
  /// Numbers turned into blocks.
  case quantizedToBlocks(BlockType)
  /// Numbers turned into int8 with scales of absmax ÷ 127.
  case quantizedToInt8(from: DType)
  /// Drawn from a seed.
  case initialized(seed: UInt64)
  /// The product of an adapter's two narrow matrices added, in float64.
  case lowRankAdded(rank: Int)
  /// Taken from an adapter instead of the base.
  case replaced
  /// Made in float64 of as many checkpoints, each times its weight.
  case summed(count: Int)
}

extension Provenance: CustomStringConvertible {
  /// The words that `.ingot` files store.
  package var description: String {
    switch self {
    case .cast(let source, let target): "cast \(source.rawValue) to \(target.rawValue)"
    case .transposed: "transpose"
    case .leadingOneAdded: "add a dimension of 1"
    case .leadingOneDropped: "drop a dimension of 1"
    case .pairedSideBySide: "put pairs of rows side by side"
    case .pairedApart: "put pairs of rows half a head apart"
    case .regrouped(let outer, let inner): "exchange \(outer) × \(inner) groups of rows"
    case .shifted(let number): "add \(number)"
    case .channelsMultiplied: "multiply channels by powers of two"
    case .firstRows(let count): "take \(Count(count, "row"))"
    case .joined: "put another parameter's rows behind"
    case .rows(let first, let count): "take \(Count(count, "row")) from row \(first)"
    case .block(let index): "take block \(index)"
    case .stacked(let count): "stack \(Count(count, "block"))"
    case .padded(let count): "pad with zeros to \(Count(count, "row"))"
    case .zeros: "zeros in place of a bias that the model lacks"
    case .dequantizedBlocks(let type): "dequantize \(type.rawValue) to F32"
    case .scaled(let type): "multiply \(type.rawValue) by scales to F32"
    case .unpacked(let scheme): "dequantize \(scheme) to F32"
    case .quantizedToBlocks(let type): "quantize F32 to \(type.rawValue)"
    case .quantizedToInt8(let source): "quantize \(source.rawValue) to int8, scale = absmax ÷ 127"
    case .initialized(let seed): "initialize from seed \(seed)"
    case .lowRankAdded(let rank): "add an adapter's product of rank \(rank)"
    case .replaced: "take an adapter's"
    case .summed(let count): "add up \(Count(count, "checkpoint")) by weight"
    }
  }
}
