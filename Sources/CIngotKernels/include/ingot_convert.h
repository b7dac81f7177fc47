// SPDX-License-Identifier: Apache-2.0
// Conversion of elements. Pointers need no alignment; sources and targets must not overlap.
// Narrowing rounds once, to nearest even. NaN stays NaN: sign and upper payload kept, made quiet.
#ifndef INGOT_CONVERT_H
#define INGOT_CONVERT_H

#include "ingot_levels.h"

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// What narrowing did; kernels add to it.
typedef struct {
    /// Values that the target does not hold exactly, overflowing ones included; NaN never counts.
    uint64_t inexact;
    /// Finite values whose rounding is beyond the largest finite one.
    uint64_t overflow;
    /// Infinities that became NaN, because the target has no infinity.
    uint64_t lost_infinities;
} ingot_cast_counts;

// One set of functions for each level; `n` elements at `x` become `n` at `y`.
// widen_*: exact. f64_f32: nearest even. f64_f32_odd: to odd, so that a second rounding to a type of at most 22
// significant bits equals one rounding (Boldo and Melquiond, "When double rounding is odd", 2005).
// f32_f16 …: `saturate` puts the largest finite value for an overflow, else infinity (NaN in F8_E4M3, which has none).

/// One level's conversions.
typedef struct INGOT_SENDABLE {
    void INGOT_KERNEL(widen_f16_f32)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(widen_bf16_f32)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(widen_f8e4m3_f32)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(widen_f8e5m2_f32)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(widen_f8e8m0_f32)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(widen_i8_f32)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(widen_u8_f32)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(widen_i16_f32)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(widen_u16_f32)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(widen_f32_f64)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(f64_f32)(const void *x, void *y, size_t n, int saturate, ingot_cast_counts *counts);
    void INGOT_KERNEL(f64_f32_odd)(const void *x, void *y, size_t n);
    void INGOT_KERNEL(f32_f16)(const void *x, void *y, size_t n, int saturate, ingot_cast_counts *counts);
    void INGOT_KERNEL(f32_bf16)(const void *x, void *y, size_t n, int saturate, ingot_cast_counts *counts);
    void INGOT_KERNEL(f32_f8e4m3)(const void *x, void *y, size_t n, int saturate, ingot_cast_counts *counts);
    void INGOT_KERNEL(f32_f8e5m2)(const void *x, void *y, size_t n, int saturate, ingot_cast_counts *counts);
} ingot_convert_kernels;

INGOT_LEVELS(ingot_convert_kernels, avx512)

#pragma clang assume_nonnull end
#endif
