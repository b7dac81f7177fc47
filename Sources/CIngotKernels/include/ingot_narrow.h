// SPDX-License-Identifier: Apache-2.0
// Matrix products whose both sides are narrow: bf16 with sums in f32, and int8 with sums in i32, which are exact. Weights
// are packed once; rows of activations are rounded for each product.
#ifndef INGOT_NARROW_H
#define INGOT_NARROW_H

#include "ingot_product.h"

#pragma clang assume_nonnull begin

/// A product of packed rows and packed panels.
typedef struct {
    size_t m, n, k;
    /// Rows, as `_pack_rows_bf16` or `_quantize_rows` makes them.
    const void *x;
    /// Int8 only: what each row was divided by, `[M]`, and the sum of its numbers, `[M]`.
    const float *_Nullable x_scale;
    const int32_t *_Nullable x_sum;
    /// The weight, as `_pack_panels_bf16` or `_pack_panels_s8` makes it.
    const void *panels;
    /// Rows that the panels were packed with, at least K; 0 for K. Of an odd K the next row is multiplied with zeros.
    size_t panel_depth;
    ingot_product_end end;
} ingot_narrow_product;

// MR, NR as in ingot_product.h. P is 2 for bf16 and 4 for int8: the numbers that make a word of 32 bits.
//
// pack_rows_bf16: rows `x` `[M, K]` to `[⌈M / MR⌉, ⌈K / P⌉, MR, P]`, rounded to nearest even.
// quantize_rows: the same to int8: round(x · (127 / absmax)), scale = absmax / 127, and the sum of each row's numbers; of a
// row that is not finite zeros, with NaN for its scale.
// pack_panels_…: panels `[first, end)` of a weight (`w`, `w_stride`, `w_type`, `w_is_out_in`, `n`, `k` of a product) to
// `[⌈N / NR⌉, ⌈K / P⌉, NR, P]`; int8 with its sign bit turned, that is 128 more, as the instruction wants it.
// product_…: columns `[NR · first, NR · end)` of y.
// All buffers are 64-byte aligned.

/// One level's products of bf16 and int8.
typedef struct INGOT_SENDABLE {
    /// MR and NR.
    size_t row_block, panel_width;
    /// Whether the processor has instructions for these products.
    int is_native;
    void INGOT_KERNEL(pack_rows_bf16)(const float *x, size_t x_stride, size_t m, size_t k, void *packed);
    void INGOT_KERNEL(pack_panels_bf16)(const ingot_product *p, size_t first, size_t end, void *packed);
    void INGOT_KERNEL(product_bf16)(const ingot_narrow_product *p, size_t first, size_t end);
    void INGOT_KERNEL(quantize_rows)(const float *x, size_t x_stride, size_t m, size_t k, void *packed, float *scale,
                                     int32_t *sum);
    void INGOT_KERNEL(pack_panels_s8)(const ingot_product *p, size_t first, size_t end, void *packed);
    void INGOT_KERNEL(product_s8)(const ingot_narrow_product *p, size_t first, size_t end);
} ingot_narrow_kernels;

INGOT_LEVELS(ingot_narrow_kernels, avx512)

#pragma clang assume_nonnull end
#endif
