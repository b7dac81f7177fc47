// SPDX-License-Identifier: Apache-2.0
// Statistics of elements. Pointers need the alignment of their type only.
#ifndef INGOT_STATISTICS_H
#define INGOT_STATISTICS_H

#include "ingot_levels.h"

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

/// One level's statistics.
typedef struct INGOT_SENDABLE {
    /// x: [n]; two passes, so n should fit a cache.
    void INGOT_KERNEL(f32)(const float *x, size_t n, ingot_statistics *result);
    void INGOT_KERNEL(f64)(const double *x, size_t n, ingot_statistics *result);
} ingot_statistics_kernels;

INGOT_LEVELS(ingot_statistics_kernels, avx512)

#pragma clang assume_nonnull end
#endif
