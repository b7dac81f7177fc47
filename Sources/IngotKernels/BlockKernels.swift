// SPDX-License-Identifier: Apache-2.0
// The C functions for ggml's blocks, by CPU level.
import CIngotKernels
import IngotCore

/// One level's functions; `ingot_blocks.h` and `ingot_quantize.h` say what each does.
struct BlockKernels: Sendable {
  /// Decodes `n` blocks at `x` to F32 at `y`.
  typealias Decode =
    @convention(c) @Sendable (_ x: UnsafePointer<UInt8>, _ y: UnsafeMutableRawPointer, _ n: Int) -> Void
  /// Encodes F32 at `x` to `n` blocks at `y`, and adds to what rounding cost; the blocks that can't be.
  typealias Encode =
    @convention(c) @Sendable (
      _ x: UnsafeRawPointer, _ y: UnsafeMutablePointer<UInt8>, _ n: Int,
      _ rounding: UnsafeMutablePointer<ingot_rounding>
    ) -> ingot_block_faults

  private(set) var decoders: [BlockType: Decode] = [
    .q40: ingot_decode_q4_0_portable, .q41: ingot_decode_q4_1_portable, .q50: ingot_decode_q5_0_portable,
    .q51: ingot_decode_q5_1_portable, .q80: ingot_decode_q8_0_portable, .q2K: ingot_decode_q2_k_portable,
    .q3K: ingot_decode_q3_k_portable, .q4K: ingot_decode_q4_k_portable, .q5K: ingot_decode_q5_k_portable,
    .q6K: ingot_decode_q6_k_portable, .q8K: ingot_decode_q8_k_portable,
  ]
  private(set) var encoders: [BlockType: Encode] = [.q80: ingot_encode_q8_0_portable]

  /// Picks the functions of a level.
  init(level: CPULevel) {
    #if arch(x86_64)
    switch level {
    case .portable: break
    case .avx2: useAVX2()
    case .avx512: useAVX512()
    }
    #endif
  }

  #if arch(x86_64)
  private mutating func useAVX2() {
    decoders = [
      .q40: ingot_decode_q4_0_avx2, .q41: ingot_decode_q4_1_avx2, .q50: ingot_decode_q5_0_avx2,
      .q51: ingot_decode_q5_1_avx2, .q80: ingot_decode_q8_0_avx2, .q2K: ingot_decode_q2_k_avx2,
      .q3K: ingot_decode_q3_k_avx2, .q4K: ingot_decode_q4_k_avx2, .q5K: ingot_decode_q5_k_avx2,
      .q6K: ingot_decode_q6_k_avx2, .q8K: ingot_decode_q8_k_avx2,
    ]
    encoders = [.q80: ingot_encode_q8_0_avx2]
  }

  private mutating func useAVX512() {
    decoders = [
      .q40: ingot_decode_q4_0_avx512, .q41: ingot_decode_q4_1_avx512, .q50: ingot_decode_q5_0_avx512,
      .q51: ingot_decode_q5_1_avx512, .q80: ingot_decode_q8_0_avx512, .q2K: ingot_decode_q2_k_avx512,
      .q3K: ingot_decode_q3_k_avx512, .q4K: ingot_decode_q4_k_avx512, .q5K: ingot_decode_q5_k_avx512,
      .q6K: ingot_decode_q6_k_avx512, .q8K: ingot_decode_q8_k_avx512,
    ]
    encoders = [.q80: ingot_encode_q8_0_avx512]
  }
  #endif
}
