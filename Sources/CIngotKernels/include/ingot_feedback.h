// SPDX-License-Identifier: Apache-2.0
// Rounding with error feedback: what rounding one input's weights costs is made up for by those of the inputs behind it
// (Frantar et al., "GPTQ", 2022, section 3), sixteen outputs side by side. All levels give the same bits.
#ifndef INGOT_FEEDBACK_H
#define INGOT_FEEDBACK_H

#include "ingot_levels.h"

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Outputs that are rounded side by side.
#define INGOT_FEEDBACK_ROWS 16

/// One level's error feedback.
typedef struct INGOT_SENDABLE {
    /// Σ a[i] · b[i] of exact products, in sixteen double-precision sums. a, b: [n].
    double INGOT_KERNEL(dot)(const float *a, const float *b, size_t n);
    /// sums[i] += factor · x[i]. x, sums: [n].
    void INGOT_KERNEL(add_multiple)(const float *x, double factor, double *sums, size_t n);
    /// Input by input k: v = x[k] − Σ_{j<k} errors[j] · factor[k, j]; q[k] = clamp(round(v ÷ scale), −127, 127), ties to even,
    /// 0 where the scale is 0; errors[k] = (v − q[k] · scale) ÷ factor[k, k]. x, errors, q: [n, 16]; factor: [n, n], of
    /// which what is right of the diagonal is not read, and the diagonal is positive; scales: [⌈n / size⌉, 16].
    void INGOT_KERNEL(round_rows)(const float *x, size_t n, const float *factor, const float *scales, size_t size,
                                  float *errors, int8_t *q);
} ingot_feedback_kernels;

INGOT_LEVELS(ingot_feedback_kernels, avx512)

#pragma clang assume_nonnull end
#endif
