// SPDX-License-Identifier: Apache-2.0
// The C functions of operators on rows and elements, of statistics and of int8, by CPU level.
import CIngotKernels

/// One level's row operators; `ingot_rows.h` says what each does.
struct RowKernels: Sendable {
  typealias Activate =
    @convention(c) @Sendable (
      _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int, _ kind: Int32
    ) -> Void
  typealias LayerNorm =
    @convention(c) @Sendable (
      _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ d: Int,
      _ gain: UnsafePointer<Float>, _ bias: UnsafePointer<Float>, _ epsilon: Double
    ) -> Void
  typealias Softmax =
    @convention(c) @Sendable (_ x: UnsafeMutablePointer<Float>, _ n: Int, _ mask: UnsafePointer<UInt8>?) ->
    Void
  typealias Add =
    @convention(c) @Sendable (
      _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int
    ) -> Void

  typealias Normal =
    @convention(c) @Sendable (
      _ key: UInt64, _ first: UInt64, _ n: Int, _ deviation: Double, _ y: UnsafeMutablePointer<Float>
    ) -> Void

  var activate: Activate = ingot_activate_portable
  var layerNorm: LayerNorm = ingot_layer_norm_portable
  var softmax: Softmax = ingot_softmax_portable
  var softmaxQuick: Softmax = ingot_softmax_quick_portable
  var add: Add = ingot_add_portable
  var normal: Normal = ingot_normal_portable

  /// Picks the functions of a level.
  init(level: CPULevel) {
    #if arch(x86_64)
    switch level {
    case .portable: break
    case .avx2:
      activate = ingot_activate_avx2
      layerNorm = ingot_layer_norm_avx2
      softmax = ingot_softmax_avx2
      softmaxQuick = ingot_softmax_quick_avx2
      add = ingot_add_avx2
      normal = ingot_normal_avx2
    case .avx512:
      activate = ingot_activate_avx512
      layerNorm = ingot_layer_norm_avx512
      softmax = ingot_softmax_avx512
      softmaxQuick = ingot_softmax_quick_avx512
      add = ingot_add_avx512
      normal = ingot_normal_avx512
    }
    #endif
  }
}

/// One level's statistics; `ingot_statistics.h` says what each does.
struct StatisticsKernels: Sendable {
  var gatherF32:
    @convention(c) @Sendable (UnsafePointer<Float>, Int, UnsafeMutablePointer<ingot_statistics>) -> Void =
      ingot_statistics_f32_portable
  var gatherF64:
    @convention(c) @Sendable (UnsafePointer<Double>, Int, UnsafeMutablePointer<ingot_statistics>) -> Void =
      ingot_statistics_f64_portable

  /// Picks the functions of a level.
  init(level: CPULevel) {
    #if arch(x86_64)
    switch level {
    case .portable: break
    case .avx2:
      gatherF32 = ingot_statistics_f32_avx2
      gatherF64 = ingot_statistics_f64_avx2
    case .avx512:
      gatherF32 = ingot_statistics_f32_avx512
      gatherF64 = ingot_statistics_f64_avx512
    }
    #endif
  }
}

/// One level's symmetric int8; `ingot_quantize.h` says what each does.
struct QuantizeKernels: Sendable {
  typealias Quantize =
    @convention(c) @Sendable (
      _ x: UnsafePointer<Float>, _ n: Int, _ scale: Float, _ q: UnsafeMutablePointer<Int8>,
      _ rounding: UnsafeMutablePointer<ingot_rounding>
    ) -> Void
  typealias QuantizeColumns =
    @convention(c) @Sendable (
      _ x: UnsafePointer<Float>, _ n: Int, _ scales: UnsafePointer<Float>, _ q: UnsafeMutablePointer<Int8>,
      _ rounding: UnsafeMutablePointer<ingot_rounding>
    ) -> Void

  var peak: @convention(c) @Sendable (_ x: UnsafePointer<Float>, _ n: Int) -> UInt32 = ingot_peak_portable
  var peakColumns:
    @convention(c) @Sendable (_ x: UnsafePointer<Float>, _ n: Int, _ peaks: UnsafeMutablePointer<UInt32>) ->
      Void = ingot_peak_columns_portable
  var quantize: Quantize = ingot_quantize_i8_portable
  var quantizeColumns: QuantizeColumns = ingot_quantize_i8_columns_portable

  /// Picks the functions of a level.
  init(level: CPULevel) {
    #if arch(x86_64)
    switch level {
    case .portable: break
    case .avx2:
      peak = ingot_peak_avx2
      peakColumns = ingot_peak_columns_avx2
      quantize = ingot_quantize_i8_avx2
      quantizeColumns = ingot_quantize_i8_columns_avx2
    case .avx512:
      peak = ingot_peak_avx512
      peakColumns = ingot_peak_columns_avx512
      quantize = ingot_quantize_i8_avx512
      quantizeColumns = ingot_quantize_i8_columns_avx512
    }
    #endif
  }
}
