// SPDX-License-Identifier: Apache-2.0
// The C functions of ElementConversion, by CPU level.
import CIngotKernels

/// Converts `n` elements at `x` to `n` elements at `y`, exactly or by a rule of its own.
typealias WidenKernel =
  @convention(c) @Sendable (_ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ n: Int) -> Void

/// Converts `n` elements at `x` to `n` narrower ones at `y`, adding to counts.
typealias NarrowKernel =
  @convention(c) @Sendable (
    _ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer, _ n: Int, _ saturate: Int32,
    _ counts: UnsafeMutablePointer<ingot_cast_counts>
  ) -> Void

/// One level's conversions; `ingot_convert.h` says what each does.
struct ConversionKernels: Sendable {
  var f16ToF32: WidenKernel = ingot_widen_f16_f32_portable
  var bf16ToF32: WidenKernel = ingot_widen_bf16_f32_portable
  var f8E4M3ToF32: WidenKernel = ingot_widen_f8e4m3_f32_portable
  var f8E5M2ToF32: WidenKernel = ingot_widen_f8e5m2_f32_portable
  var f8E8M0ToF32: WidenKernel = ingot_widen_f8e8m0_f32_portable
  var i8ToF32: WidenKernel = ingot_widen_i8_f32_portable
  var u8ToF32: WidenKernel = ingot_widen_u8_f32_portable
  var i16ToF32: WidenKernel = ingot_widen_i16_f32_portable
  var u16ToF32: WidenKernel = ingot_widen_u16_f32_portable
  var f32ToF64: WidenKernel = ingot_widen_f32_f64_portable
  var f64ToF32Odd: WidenKernel = ingot_f64_f32_odd_portable
  var f64ToF32: NarrowKernel = ingot_f64_f32_portable
  var f32ToF16: NarrowKernel = ingot_f32_f16_portable
  var f32ToBF16: NarrowKernel = ingot_f32_bf16_portable
  var f32ToF8E4M3: NarrowKernel = ingot_f32_f8e4m3_portable
  var f32ToF8E5M2: NarrowKernel = ingot_f32_f8e5m2_portable

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
    f16ToF32 = ingot_widen_f16_f32_avx2
    bf16ToF32 = ingot_widen_bf16_f32_avx2
    f8E4M3ToF32 = ingot_widen_f8e4m3_f32_avx2
    f8E5M2ToF32 = ingot_widen_f8e5m2_f32_avx2
    f8E8M0ToF32 = ingot_widen_f8e8m0_f32_avx2
    i8ToF32 = ingot_widen_i8_f32_avx2
    u8ToF32 = ingot_widen_u8_f32_avx2
    i16ToF32 = ingot_widen_i16_f32_avx2
    u16ToF32 = ingot_widen_u16_f32_avx2
    f32ToF64 = ingot_widen_f32_f64_avx2
    f64ToF32Odd = ingot_f64_f32_odd_avx2
    f64ToF32 = ingot_f64_f32_avx2
    f32ToF16 = ingot_f32_f16_avx2
    f32ToBF16 = ingot_f32_bf16_avx2
    f32ToF8E4M3 = ingot_f32_f8e4m3_avx2
    f32ToF8E5M2 = ingot_f32_f8e5m2_avx2
  }

  private mutating func useAVX512() {
    f16ToF32 = ingot_widen_f16_f32_avx512
    bf16ToF32 = ingot_widen_bf16_f32_avx512
    f8E4M3ToF32 = ingot_widen_f8e4m3_f32_avx512
    f8E5M2ToF32 = ingot_widen_f8e5m2_f32_avx512
    f8E8M0ToF32 = ingot_widen_f8e8m0_f32_avx512
    i8ToF32 = ingot_widen_i8_f32_avx512
    u8ToF32 = ingot_widen_u8_f32_avx512
    i16ToF32 = ingot_widen_i16_f32_avx512
    u16ToF32 = ingot_widen_u16_f32_avx512
    f32ToF64 = ingot_widen_f32_f64_avx512
    f64ToF32Odd = ingot_f64_f32_odd_avx512
    f64ToF32 = ingot_f64_f32_avx512
    f32ToF16 = ingot_f32_f16_avx512
    f32ToBF16 = ingot_f32_bf16_avx512
    f32ToF8E4M3 = ingot_f32_f8e4m3_avx512
    f32ToF8E5M2 = ingot_f32_f8e5m2_avx512
  }
  #endif
}
