// SPDX-License-Identifier: Apache-2.0
// Matrix products y = x · w of f32 activations and a weight in its stored type.
//
// Every sum over K has one order, whatever the threads, the columns, the rows and the form of the weight: chains of
// INGOT_CHAIN products by fused multiply-add, and the chains added one after the other; only `_dots` sums in lanes. Short
// chains are also what keeps the error below that of one long chain (Higham, "Accuracy and Stability", 4.2).
#ifndef INGOT_PRODUCT_H
#define INGOT_PRODUCT_H

#include "ingot_levels.h"

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Products summed in one chain.
#define INGOT_CHAIN 64

/// Panels packed together: reads of a weight `[K, N]` are then long enough to be fast.
#define INGOT_PANEL_GROUP 4

/// Numbers and bytes of a block of Q8_0: a scale in half precision, then int8.
#define INGOT_Q8_0_NUMBERS 32
#define INGOT_Q8_0_BYTES 34

/// How the elements of a weight are stored. Q8_0 are ggml's blocks along the rows of a weight `[N, K]`, whose K and stride
/// are multiples of a block's numbers. The last two are panels of words, as ingot_narrow.h's `_pack_panels_bf16` and
/// `_pack_panels_s8` of the same NR make them: two or four rows of a column in 32 bits.
enum {
    INGOT_WEIGHT_F32 = 0,
    INGOT_WEIGHT_F16 = 1,
    INGOT_WEIGHT_BF16 = 2,
    INGOT_WEIGHT_I8 = 3,
    INGOT_WEIGHT_Q8_0 = 4,
    INGOT_WEIGHT_WORDS_BF16 = 5,
    INGOT_WEIGHT_WORDS_S8 = 6,
};

/// Scales of runs of a weight's inputs: each number is multiplied with that of its output and its run where it is used.
typedef struct {
    /// NULL for none. Of int8 as stored: `[N, ⌈K / size⌉]` beside `[N, K]`, else `[⌈K / size⌉, N]`, rows `stride` apart. Of
    /// panels of words `[⌈N / NR⌉, ⌈K / size⌉, NR]`, as `_pack_runs` makes them. Blocks of Q8_0 have their own.
    const void *_Nullable scales;
    size_t stride;
    /// INGOT_WEIGHT_F32, _F16 or _BF16.
    int type;
    /// Inputs of a run, a multiple of 16; the last one may be cut off.
    size_t size;
} ingot_runs;

/// What becomes of a product's sums: y = residual + activation(sum · scale + bias).
typedef struct {
    /// NULL, or what column j of the sum is multiplied with: `scale[j * scale_step]`; step 0 is one for all.
    const float *_Nullable scale;
    size_t scale_step;
    /// NULL, or what is added to each row, `[N]`.
    const float *_Nullable bias;
    /// One of INGOT_ACTIVATION_…, applied behind the bias; negative for none.
    int activation;
    /// NULL, or what is added last, `[M, N]`, rows `y_stride` apart; may be `y`.
    const float *_Nullable residual;
    /// Result, `[M, N]`, rows `y_stride` apart; overwritten. Must not overlap the others but `residual`.
    float *y;
    size_t y_stride;
} ingot_product_end;

/// A product of activations `[M, K]` and a weight.
typedef struct {
    size_t m, n, k;
    /// Activations. `_panels` and `_unpacked`: `[⌈M / MR⌉, K, MR]`, packed by `_pack_rows`, 64-byte aligned.
    /// Others: `[M, K]`, rows `x_stride` apart.
    const float *_Nullable x;
    size_t x_stride;
    /// Weight: `[K, N]` (in, out), or `[N, K]` (out, in) when `w_is_out_in`; rows `w_stride` elements apart.
    const void *_Nullable w;
    size_t w_stride;
    int w_type;
    int w_is_out_in;
    /// Of int8, as stored or in words.
    ingot_runs runs;
    /// NULL, or the weight as `_pack_panels` makes it, `[⌈N / NR⌉, K, NR]`; then `w` is not read by `_panels`.
    const float *_Nullable panels;
    /// Rows that each of `panels` has, at least K; 0 for K.
    size_t panel_depth;
    ingot_product_end end;
    /// Rows of `w` that `_chains` fetches ahead: INGOT_CHAIN times twice the threads is right.
    size_t rows_ahead;
} ingot_product;

// MR, NR: 4, 8 portable (14, 8 with NEON); 6, 16 AVX2; 14, 32 AVX-512.
//
// pack_rows: `x` `[M, K]` with rows `x_stride` apart to `packed` `[⌈M / MR⌉, K, MR]`, the last block filled with zeros.
// pack_panels: panels `[first, end)` of the weight to `packed` `[⌈N / NR⌉, K, NR]`, 64-byte aligned.
// pack_runs: the scales of the same panels' runs, or blocks of Q8_0, to `[⌈N / NR⌉, ⌈K / size⌉, NR]`, in their own type.
// panels: columns `[NR · first, NR · end)` of y; `scratch` holds INGOT_PANEL_GROUP · NR · K floats and is 64-byte
// aligned; it may be NULL when the weight is packed.
// unpacked: the same for a weight `[K, N]` of numbers that stand by themselves as it is stored; `scratch` holds
// `(end - first) · ⌈M / MR⌉ · MR · NR` floats.
// chains: for such a weight `[K, N]` and few rows: the sum of chain c to `partial` `[⌈K / CHAIN⌉, M, N]`, for c in
// `[first, end)`. It reads the weight in its own order, which is as fast as memory.
// sum_chains: columns `[first, end)` of y from `partial`.
// dots: for such a weight `[N, K]` and few rows: columns `[first, end)` of y.
// packed_rows: for few rows and panels that stay, `panels` of f32 or `w` of words: columns `[NR · first, NR · end)` of y.

/// One level's products of f32 activations.
typedef struct INGOT_SENDABLE {
    /// MR and NR.
    size_t row_block, panel_width;
    void INGOT_KERNEL(pack_rows)(const float *x, size_t x_stride, size_t m, size_t k, float *packed);
    void INGOT_KERNEL(pack_panels)(const ingot_product *p, size_t first, size_t end, float *packed);
    void INGOT_KERNEL(pack_runs)(const ingot_product *p, size_t first, size_t end, void *packed);
    void INGOT_KERNEL(panels)(const ingot_product *p, size_t first, size_t end, float *_Nullable scratch);
    void INGOT_KERNEL(unpacked)(const ingot_product *p, size_t first, size_t end, float *scratch);
    void INGOT_KERNEL(chains)(const ingot_product *p, size_t first, size_t end, float *partial);
    void INGOT_KERNEL(sum_chains)(const ingot_product *p, size_t first, size_t end, const float *partial);
    void INGOT_KERNEL(dots)(const ingot_product *p, size_t first, size_t end);
    void INGOT_KERNEL(packed_rows)(const ingot_product *p, size_t first, size_t end);
} ingot_product_kernels;

INGOT_LEVELS(ingot_product_kernels, avx512)

#pragma clang assume_nonnull end
#endif
