// SPDX-License-Identifier: Apache-2.0
// ggml's blocks to F32, and F32 to blocks: bit for bit what ggml's own loops and gguf-py give.
import CIngotKernels
import IngotCore

/// Dequantizes blocks of one type.
///
/// - SeeAlso: `ggml-org/ggml: src/ggml-quants.c`, the `dequantize_row_…` functions.
public struct BlockDecoder: Sendable {
  /// The type of the blocks.
  public let blockType: BlockType
  private let decode: BlockKernels.Decode

  /// Makes a decoder; `nil` for types that are kept as they are: IQ…, TQ…, MXFP4, NVFP4, Q1_0, Q2_0 and Q8_1.
  public init?(_ blockType: BlockType, kernels: KernelTable = .current) {
    guard let decode = kernels.blocks.decoders[blockType] else { return nil }
    self.blockType = blockType
    self.decode = decode
  }

  /// Whether blocks of a type can be dequantized.
  public static func supports(_ blockType: BlockType) -> Bool {
    KernelTable.current.blocks.decoders[blockType] != nil
  }

  /// Dequantizes blocks.
  ///
  /// - Parameters:
  ///   - count: blocks.
  ///   - input: `count` blocks, little-endian; any alignment.
  ///   - output: room for their values, F32; any alignment. Must not overlap `input`.
  /// - Complexity: one pass; allocates nothing.
  public func decode(count: Int, from input: UnsafeRawPointer, to output: UnsafeMutableRawPointer) {
    decode(input.assumingMemoryBound(to: UInt8.self), output, count)
  }
}

/// Quantizes values to blocks of one type, and adds up what that costs.
///
/// - SeeAlso: `ggml-org/ggml: src/ggml-quants.c`, `quantize_row_q8_0_ref`.
public struct BlockEncoder: Sendable {
  /// The type of the blocks.
  public let blockType: BlockType
  private let encode: BlockKernels.Encode
  /// What rounding cost so far.
  public private(set) var error = QuantizationError()
  /// Blocks so far whose scale is beyond half precision's range.
  public private(set) var overflowCount = 0
  /// Blocks so far with values that are not finite; they became zeros.
  public private(set) var nonFiniteCount = 0

  /// Makes an encoder; `nil` for all types but Q8_0.
  public init?(_ blockType: BlockType, kernels: KernelTable = .current) {
    guard let encode = kernels.blocks.encoders[blockType] else { return nil }
    self.blockType = blockType
    self.encode = encode
  }

  /// Quantizes values.
  ///
  /// - Parameters:
  ///   - count: blocks.
  ///   - input: their values, F32; any alignment.
  ///   - output: room for `count` blocks; any alignment. Must not overlap `input`.
  /// - Complexity: one pass; allocates nothing.
  public mutating func encode(count: Int, from input: UnsafeRawPointer, to output: UnsafeMutableRawPointer) {
    var rounding = ingot_rounding()
    let faults = encode(input, output.assumingMemoryBound(to: UInt8.self), count, &rounding)
    error.add(rounding, count: count * blockType.elementCount)
    overflowCount += Int(faults.overflows)
    nonFiniteCount += Int(faults.not_finite)
  }

  /// Adds what another stretch of the same tensor cost.
  public mutating func merge(_ next: BlockEncoder) {
    error.merge(next.error)
    overflowCount += next.overflowCount
    nonFiniteCount += next.nonFiniteCount
  }
}
