// SPDX-License-Identifier: Apache-2.0
// ggml's blocks to numbers; the other way is ingot_quantize.h's. Pointers need no alignment; x and y must not overlap.
// Each product and each sum is rounded by itself, as ggml's and gguf-py's plain loops do: no fused multiply-add.
#ifndef INGOT_BLOCKS_H
#define INGOT_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// decode_*: x: [n, bytes of a block], little-endian; y: f32 [n, values of a block].
#define INGOT_DECLARE_BLOCKS(level)                                                                                 \
    void ingot_decode_q4_0_##level(const uint8_t *x, void *y, size_t n);                                            \
    void ingot_decode_q4_1_##level(const uint8_t *x, void *y, size_t n);                                            \
    void ingot_decode_q5_0_##level(const uint8_t *x, void *y, size_t n);                                            \
    void ingot_decode_q5_1_##level(const uint8_t *x, void *y, size_t n);                                            \
    void ingot_decode_q8_0_##level(const uint8_t *x, void *y, size_t n);                                            \
    void ingot_decode_q2_k_##level(const uint8_t *x, void *y, size_t n);                                            \
    void ingot_decode_q3_k_##level(const uint8_t *x, void *y, size_t n);                                            \
    void ingot_decode_q4_k_##level(const uint8_t *x, void *y, size_t n);                                            \
    void ingot_decode_q5_k_##level(const uint8_t *x, void *y, size_t n);                                            \
    void ingot_decode_q6_k_##level(const uint8_t *x, void *y, size_t n);                                            \
    void ingot_decode_q8_k_##level(const uint8_t *x, void *y, size_t n);

INGOT_DECLARE_BLOCKS(portable)
INGOT_DECLARE_BLOCKS(avx2)
INGOT_DECLARE_BLOCKS(avx512)

#pragma clang assume_nonnull end
#endif
