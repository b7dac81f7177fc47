// SPDX-License-Identifier: Apache-2.0
// ggml's blocks to F32, and F32 to blocks: bit for bit what ggml's own loops and gguf-py give.
import CIngotKernels
import IngotCore

/// Dequantizes blocks of one type.
///
/// - SeeAlso: `ggml-org/ggml: src/ggml-quants.c`, the `dequantize_row_…` functions.
package struct BlockDecoder: Sendable {
  /// The type of the blocks.
  package let blockType: BlockType
  private let decode: Decode

  /// Makes a decoder; `nil` for the type that is kept as it is, Q8_1.
  package init?(_ blockType: BlockType, kernels: KernelTable = .current) {
    guard let decode = Self.decode(of: blockType, kernels.blocks) else { return nil }
    self.blockType = blockType
    self.decode = decode
  }

  /// Whether blocks of a type can be dequantized.
  package static func supports(_ blockType: BlockType) -> Bool {
    decode(of: blockType, KernelTable.current.blocks) != nil
  }

  /// Decodes `n` blocks at `x` to F32 at `y`.
  private typealias Decode =
    @convention(c) @Sendable (_ x: UnsafePointer<UInt8>, _ y: UnsafeMutableRawPointer, _ n: Int) -> Void

  private static func decode(of blockType: BlockType, _ kernels: ingot_block_kernels) -> Decode? {
    switch blockType {
    case .q40: kernels.decode_q4_0
    case .q41: kernels.decode_q4_1
    case .q50: kernels.decode_q5_0
    case .q51: kernels.decode_q5_1
    case .q80: kernels.decode_q8_0
    case .q2K: kernels.decode_q2_k
    case .q3K: kernels.decode_q3_k
    case .q4K: kernels.decode_q4_k
    case .q5K: kernels.decode_q5_k
    case .q6K: kernels.decode_q6_k
    case .q8K: kernels.decode_q8_k
    case .iq2XXS: kernels.decode_iq2_xxs
    case .iq2XS: kernels.decode_iq2_xs
    case .iq2S: kernels.decode_iq2_s
    case .iq3XXS: kernels.decode_iq3_xxs
    case .iq3S: kernels.decode_iq3_s
    case .iq1S: kernels.decode_iq1_s
    case .iq1M: kernels.decode_iq1_m
    case .iq4NL: kernels.decode_iq4_nl
    case .iq4XS: kernels.decode_iq4_xs
    case .tq10: kernels.decode_tq1_0
    case .tq20: kernels.decode_tq2_0
    case .mxfp4: kernels.decode_mxfp4
    case .nvfp4: kernels.decode_nvfp4
    case .q10: kernels.decode_q1_0
    case .q20: kernels.decode_q2_0
    // Activations only, never in files.
    case .q81: nil
    }
  }

  /// Dequantizes blocks of a part.
  ///
  /// - Parameters:
  ///   - blocks: blocks of the type.
  ///   - output: room for their values, F32. Must not overlap the blocks.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for elements of another type, and for another room.
  package func decode(_ blocks: Elements, to output: UnsafeMutableRawBufferPointer) throws(IngotError) {
    try blocks.require(.block(blockType))
    try output.requireRoom(for: blocks.count * blockType.elementCount, .number(.f32))
    guard let from = blocks.bytes.baseAddress, let to = output.baseAddress else { return }
    decode(count: blocks.count, from: from, to: to)
  }

  /// Dequantizes blocks.
  ///
  /// - Parameters:
  ///   - count: blocks.
  ///   - input: `count` blocks, little-endian; any alignment.
  ///   - output: room for their values, F32; any alignment. Must not overlap `input`.
  /// - Complexity: one pass; allocates nothing.
  package func decode(count: Int, from input: UnsafeRawPointer, to output: UnsafeMutableRawPointer) {
    decode(input.assumingMemoryBound(to: UInt8.self), output, count)
  }
}

/// Quantizes values to blocks of one type, and adds up what that costs.
///
/// - SeeAlso: `ggml-org/ggml: src/ggml-quants.c`, `quantize_row_q8_0_ref`.
package struct BlockEncoder: Sendable {
  /// Encodes F32 at `x` to `n` blocks at `y`, and adds to what rounding cost; the blocks that can't be.
  private typealias Encode =
    @convention(c) @Sendable (
      _ x: UnsafeRawPointer, _ y: UnsafeMutablePointer<UInt8>, _ n: Int,
      _ rounding: UnsafeMutablePointer<ingot_rounding>
    ) -> ingot_block_faults

  /// The type of the blocks.
  package let blockType: BlockType
  private let encode: Encode
  /// What rounding cost so far.
  package private(set) var error = QuantizationError()
  /// Blocks so far whose scale is beyond half precision's range.
  package private(set) var overflowCount = 0
  /// Blocks so far with values that are not finite; they became zeros.
  package private(set) var nonFiniteCount = 0

  /// Makes an encoder; `nil` for all types but Q8_0.
  package init?(_ blockType: BlockType, kernels: KernelTable = .current) {
    guard blockType == .q80 else { return nil }
    self.blockType = blockType
    encode = kernels.quantize.encode_q8_0
  }

  /// Quantizes values of a part.
  ///
  /// - Parameters:
  ///   - values: F32, as many as whole blocks have.
  ///   - output: room for the blocks. Must not overlap the values.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` for elements of another type, and for another room.
  package mutating func encode(
    _ values: Elements, to output: UnsafeMutableRawBufferPointer
  ) throws(IngotError) {
    try values.require(.number(.f32))
    let count = values.count / blockType.elementCount
    guard count * blockType.elementCount == values.count else {
      throw .internal("a part of a block's values")
    }
    try output.requireRoom(for: count, .block(blockType))
    guard let from = values.bytes.baseAddress, let to = output.baseAddress else { return }
    encode(count: count, from: from, to: to)
  }

  /// Quantizes values.
  ///
  /// - Parameters:
  ///   - count: blocks.
  ///   - input: their values, F32; any alignment.
  ///   - output: room for `count` blocks; any alignment. Must not overlap `input`.
  /// - Complexity: one pass; allocates nothing.
  package mutating func encode(count: Int, from input: UnsafeRawPointer, to output: UnsafeMutableRawPointer) {
    var rounding = ingot_rounding()
    let faults = encode(input, output.assumingMemoryBound(to: UInt8.self), count, &rounding)
    error.add(rounding, count: count * blockType.elementCount)
    overflowCount += Int(faults.overflows)
    nonFiniteCount += Int(faults.not_finite)
  }

  /// Adds what another stretch of the same tensor cost.
  package mutating func merge(_ next: BlockEncoder) {
    error.merge(next.error)
    overflowCount += next.overflowCount
    nonFiniteCount += next.nonFiniteCount
  }
}
