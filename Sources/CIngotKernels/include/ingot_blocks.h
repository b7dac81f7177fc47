// SPDX-License-Identifier: Apache-2.0
// ggml's blocks to numbers; the other way is ingot_quantize.h's. Pointers need no alignment; x and y must not overlap.
// Each product and each sum is rounded by itself, as ggml's and gguf-py's plain loops do: no fused multiply-add.
#ifndef INGOT_BLOCKS_H
#define INGOT_BLOCKS_H

#include "ingot_levels.h"

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// decode_*: x: [n, bytes of a block], little-endian; y: f32 [n, values of a block].
/// One level's decoders.
typedef struct INGOT_SENDABLE {
    void INGOT_KERNEL(decode_q4_0)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q4_1)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q5_0)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q5_1)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q8_0)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q2_k)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q3_k)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q4_k)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q5_k)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q6_k)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q8_k)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_iq2_xxs)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_iq2_xs)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_iq2_s)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_iq3_xxs)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_iq3_s)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_iq1_s)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_iq1_m)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_iq4_nl)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_iq4_xs)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_tq1_0)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_tq2_0)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_mxfp4)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_nvfp4)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q1_0)(const uint8_t *x, void *y, size_t n);
    void INGOT_KERNEL(decode_q2_0)(const uint8_t *x, void *y, size_t n);
} ingot_block_kernels;

INGOT_LEVELS(ingot_block_kernels, avx512)

#pragma clang assume_nonnull end
#endif
