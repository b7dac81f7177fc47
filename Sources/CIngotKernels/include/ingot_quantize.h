// SPDX-License-Identifier: Apache-2.0
// Symmetric int8: largest magnitudes, values from scales, ggml's blocks of Q8_0, and what rounding costs. All levels give
// the same bits.
#ifndef INGOT_QUANTIZE_H
#define INGOT_QUANTIZE_H

#include "ingot_levels.h"

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// What rounding cost; kernels add to it.
typedef struct {
    /// Σ x² and Σ (x − q · scale)².
    double signal, noise;
    /// The largest |x − q · scale|.
    double largest;
} ingot_rounding;

/// Blocks that can't stand for their values.
typedef struct {
    /// Those whose scale is beyond half precision's range.
    size_t overflows;
    /// Those with values that are not finite; they become zeros.
    size_t not_finite;
} ingot_block_faults;

/// How scales are stored, which they are rounded to.
enum {
    INGOT_SCALE_F32 = 0,
    INGOT_SCALE_F16 = 1,
    INGOT_SCALE_BF16 = 2,
};

/// Scales that a search looks at: absmax ÷ 104, ÷ 105, …
#define INGOT_FITTED_SCALES 32
#define INGOT_FIRST_DIVISOR 104

// Peaks are magnitudes as bits of a float: those of infinities and NaN are above all others.
// quantize: q = clamp(round(x ÷ scale), −127, 127), ties to even; 0 where the scale is 0. x: [n], finite; q: [n].

/// One level's symmetric int8.
typedef struct INGOT_SENDABLE {
    /// x: [n]; the largest magnitude.
    uint32_t INGOT_KERNEL(peak)(const float *x, size_t n);
    /// x: [n]; peaks[j] becomes the larger of itself and the magnitude of x[j].
    void INGOT_KERNEL(peak_columns)(const float *x, size_t n, uint32_t *peaks);
    /// One scale for all.
    void INGOT_KERNEL(quantize_i8)(const float *x, size_t n, float scale, int8_t *q, ingot_rounding *rounding);
    /// scales: [n], one each.
    void INGOT_KERNEL(quantize_i8_columns)(const float *x, size_t n, const float *scales, int8_t *q,
                                           ingot_rounding *rounding);
    /// x: [n]; those whose rounded quotient is beyond ±127; none where the scale is 0.
    uint64_t INGOT_KERNEL(clipped)(const float *x, size_t n, float scale);
    /// scales: [n], one each.
    uint64_t INGOT_KERNEL(clipped_columns)(const float *x, size_t n, const float *scales);
    /// x: [runs, size]; weights: [runs, size], or null for 1; scales: [runs], rounded to a type. Of those of a search that of
    /// least Σ weight · (x − q · scale)², summed in single precision of numbers that a power of two brings near 1, the
    /// first of equals; of a run without a finite sum absmax ÷ 127, which is not finite where the run is not.
    void INGOT_KERNEL(fit_scales)(const float *x, const float *_Nullable weights, size_t runs, size_t size, int type,
                                  float *scales);
    /// x: f32 [n, 32], any alignment; y: [n, 34], half-precision scale and values of each block.
    ingot_block_faults INGOT_KERNEL(encode_q8_0)(const void *x, uint8_t *y, size_t n, ingot_rounding *rounding);
} ingot_quantize_kernels;

INGOT_LEVELS(ingot_quantize_kernels, avx512)

#pragma clang assume_nonnull end
#endif
