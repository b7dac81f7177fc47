// SPDX-License-Identifier: Apache-2.0
// Statistics of elements. Pointers need the alignment of their type only.
#ifndef INGOT_STATISTICS_H
#define INGOT_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// What a stretch of elements holds. Least, greatest, sum and deviations are of the finite values alone.
typedef struct {
    uint64_t finite, zeros, nans, infinities;
    /// +∞ and −∞ when no value is finite.
    double least, greatest;
    double sum;
    /// Σ (x − mean)², mean being that of this stretch.
    double squared_deviations;
} ingot_statistics;

#define INGOT_DECLARE_STATISTICS(level)                                                                               \
    /* x: [n]; two passes, so n should fit a cache. */                                                                \
    void ingot_statistics_f32_##level(const float *x, size_t n, ingot_statistics *result);                            \
    void ingot_statistics_f64_##level(const double *x, size_t n, ingot_statistics *result);

INGOT_DECLARE_STATISTICS(portable)
INGOT_DECLARE_STATISTICS(avx2)
INGOT_DECLARE_STATISTICS(avx512)

#pragma clang assume_nonnull end
#endif
