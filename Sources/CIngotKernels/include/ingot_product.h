// SPDX-License-Identifier: Apache-2.0
// Matrix products y = x · w of f32 activations and a weight in its stored type.
//
// Every sum over K has one order, whatever the threads, the columns and (in the packed path) the rows: chains of
// INGOT_CHAIN products by fused multiply-add, and the chains added one after the other. Short chains are also what
// keeps the error below that of one long chain (Higham, "Accuracy and Stability", 4.2).
#ifndef INGOT_PRODUCT_H
#define INGOT_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Products summed in one chain.
#define INGOT_CHAIN 64

/// Panels packed together: reads of a weight `[K, N]` are then long enough to be fast.
#define INGOT_PANEL_GROUP 4

/// How the elements of a weight are stored.
enum { INGOT_WEIGHT_F32 = 0, INGOT_WEIGHT_F16 = 1, INGOT_WEIGHT_BF16 = 2, INGOT_WEIGHT_I8 = 3 };

/// A product of activations `[M, K]` and a weight.
typedef struct {
    size_t m, n, k;
    /// Activations. `_panels`: `[⌈M / MR⌉, K, MR]`, packed by `_pack_rows`, 64-byte aligned.
    /// `_few_rows`: `[M, K]`, rows `x_stride` apart.
    const float *x;
    size_t x_stride;
    /// Weight: `[K, N]` (in, out), or `[N, K]` (out, in) when `w_is_out_in`; rows `w_stride` elements apart.
    const void *w;
    size_t w_stride;
    int w_type;
    int w_is_out_in;
    /// NULL, or what column j of the sum is multiplied with: `scale[j * scale_step]`; step 0 is one for all.
    const float *_Nullable scale;
    size_t scale_step;
    /// NULL, or what is added to each row, `[N]`.
    const float *_Nullable bias;
    /// Result, `[M, N]`, rows `y_stride` apart; overwritten. Must not overlap the others.
    float *y;
    size_t y_stride;
} ingot_product;

// MR, NR: 4, 8 portable; 6, 16 AVX2; 14, 32 AVX-512.
//
// pack_rows: `x` `[M, K]` with rows `x_stride` apart to `packed` `[⌈M / MR⌉, K, MR]`, the last block filled with zeros.
// panels: columns `[NR · first, NR · end)` of y; `scratch` holds INGOT_PANEL_GROUP · NR · K
// floats and is 64-byte aligned.
// few_rows: columns `[first, end)` of y for M of 1 or 2, without packing.
#define INGOT_DECLARE_PRODUCT(level)                                                                                \
    void ingot_pack_rows_##level(const float *x, size_t x_stride, size_t m, size_t k, float *packed);               \
    void ingot_product_panels_##level(const ingot_product *p, size_t first, size_t end, float *scratch);            \
    void ingot_product_few_rows_##level(const ingot_product *p, size_t first, size_t end);

INGOT_DECLARE_PRODUCT(portable)
INGOT_DECLARE_PRODUCT(avx2)
INGOT_DECLARE_PRODUCT(avx512)

#pragma clang assume_nonnull end
#endif
