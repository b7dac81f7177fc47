// SPDX-License-Identifier: Apache-2.0
// Blocks one after the other, as ggml lays them out (ggml-common.h). Included once an instruction set with LEVEL (suffix
// of the names) and TARGET (function attribute) defined; the loops over a block's values are for the compiler to
// vectorize.
#include "ingot_blocks.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

#include "level_names.h"

#include "half_template.h"

INLINE void put(float *y, size_t i, float value) { memcpy((char *)y + i * 4, &value, 4); }

/// Walks over n blocks: `x` is at a block and `y` at its values.
#define DECODER(name, bytes, values, ...)                                    \
    TARGET static void NAME(name)(const uint8_t *restrict x, void *restrict to, size_t n) { \
        float *restrict y = to;                                              \
        for (size_t block = 0; block < n; block++, x += bytes, y += values) __VA_ARGS__ \
    }

// clang-format off

DECODER(decode_q4_0, 18, 32, {
    const float d = half_at(x);
    for (size_t i = 0; i < 16; i++) {
        put(y, i, d * (float)((x[2 + i] & 15) - 8));
        put(y, i + 16, d * (float)((x[2 + i] >> 4) - 8));
    }
})

DECODER(decode_q4_1, 20, 32, {
    const float d = half_at(x), m = half_at(x + 2);
    for (size_t i = 0; i < 16; i++) {
        put(y, i, d * (float)(x[4 + i] & 15) + m);
        put(y, i + 16, d * (float)(x[4 + i] >> 4) + m);
    }
})

/// The fifth bits of a block's values, value i in bit i.
INLINE uint32_t high_bits(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

DECODER(decode_q5_0, 22, 32, {
    const float d = half_at(x);
    const uint32_t high = high_bits(x + 2);
    for (size_t i = 0; i < 16; i++) {
        put(y, i, d * (float)((int)(x[6 + i] & 15) + (int)((high >> i & 1) << 4) - 16));
        put(y, i + 16, d * (float)((int)(x[6 + i] >> 4) + (int)((high >> (i + 16) & 1) << 4) - 16));
    }
})

DECODER(decode_q5_1, 24, 32, {
    const float d = half_at(x), m = half_at(x + 2);
    const uint32_t high = high_bits(x + 4);
    for (size_t i = 0; i < 16; i++) {
        put(y, i, d * (float)((x[8 + i] & 15) + (int)((high >> i & 1) << 4)) + m);
        put(y, i + 16, d * (float)((x[8 + i] >> 4) + (int)((high >> (i + 16) & 1) << 4)) + m);
    }
})

DECODER(decode_q8_0, 34, 32, {
    const float d = half_at(x);
    for (size_t i = 0; i < 32; i++) put(y, i, d * (float)(int8_t)x[2 + i]);
})

// 16 groups of 16 values: a scale and a minimum of four bits each, then two bits a value.
DECODER(decode_q2_k, 84, 256, {
    const float d = half_at(x + 80), minimum = half_at(x + 82);
    for (size_t group = 0; group < 16; group++) {
        const float dl = d * (float)(x[group] & 15), ml = minimum * (float)(x[group] >> 4);
        const uint8_t *q = x + 16 + group / 8 * 32 + group % 2 * 16;
        const int shift = (int)(group % 8 / 2 * 2);
        for (size_t i = 0; i < 16; i++) put(y, group * 16 + i, dl * (float)(q[i] >> shift & 3) - ml);
    }
})

/// Scale `group` of the 16 that Q3_K packs by six bits: low nibbles in bytes 0 to 7, high pairs in 8 to 11.
INLINE int scale_q3(const uint8_t *p, size_t group) {
    const int low = group < 8 ? p[group] & 15 : p[group - 8] >> 4;
    const int high = p[8 + group % 4] >> (group / 4 * 2) & 3;
    return (low | high << 4) - 32;
}

// 16 groups of 16 values: one scale, two low bits a value, and a third whose absence takes away 4.
DECODER(decode_q3_k, 110, 256, {
    const float d = half_at(x + 108);
    for (size_t group = 0; group < 16; group++) {
        const float dl = d * (float)scale_q3(x + 96, group);
        const uint8_t *q = x + 32 + group / 8 * 32 + group % 2 * 16;
        const uint8_t *high = x + group % 2 * 16;
        const int shift = (int)(group % 8 / 2 * 2), bit = (int)(group / 2);
        for (size_t i = 0; i < 16; i++) {
            put(y, group * 16 + i, dl * (float)((q[i] >> shift & 3) - (high[i] >> bit & 1 ? 0 : 4)));
        }
    }
})

/// Scale and minimum `group` of the eight that Q4_K and Q5_K pack by six bits into twelve bytes.
INLINE void scale_and_minimum(const uint8_t *p, size_t group, int *scale, int *minimum) {
    if (group < 4) {
        *scale = p[group] & 63;
        *minimum = p[group + 4] & 63;
    } else {
        *scale = (p[group + 4] & 15) | (p[group - 4] >> 6) << 4;
        *minimum = p[group + 4] >> 4 | (p[group] >> 6) << 4;
    }
}

// Eight groups of 32 values; two groups share their bytes, one in the low nibbles, one in the high.
DECODER(decode_q4_k, 144, 256, {
    const float d = half_at(x), dmin = half_at(x + 2);
    for (size_t group = 0; group < 8; group++) {
        int scale, minimum;
        scale_and_minimum(x + 4, group, &scale, &minimum);
        const float dl = d * (float)scale, ml = dmin * (float)minimum;
        const uint8_t *q = x + 16 + group / 2 * 32;
        const int shift = (int)(group % 2 * 4);
        for (size_t i = 0; i < 32; i++) put(y, group * 32 + i, dl * (float)(q[i] >> shift & 15) - ml);
    }
})

DECODER(decode_q5_k, 176, 256, {
    const float d = half_at(x), dmin = half_at(x + 2);
    for (size_t group = 0; group < 8; group++) {
        int scale, minimum;
        scale_and_minimum(x + 4, group, &scale, &minimum);
        const float dl = d * (float)scale, ml = dmin * (float)minimum;
        const uint8_t *high = x + 16, *q = x + 48 + group / 2 * 32;
        const int shift = (int)(group % 2 * 4), bit = (int)group;
        for (size_t i = 0; i < 32; i++) {
            put(y, group * 32 + i, dl * (float)((q[i] >> shift & 15) | (high[i] >> bit & 1) << 4) - ml);
        }
    }
})

// Eight groups of 32 values in two halves; the scale changes every 16.
DECODER(decode_q6_k, 210, 256, {
    const float d = half_at(x + 208);
    for (size_t group = 0; group < 8; group++) {
        const uint8_t *low = x + group / 4 * 64 + group % 2 * 32, *high = x + 128 + group / 4 * 32;
        const int low_shift = (int)(group % 4 / 2 * 4), high_shift = (int)(group % 4 * 2);
        const float dl[2] = {d * (float)(int8_t)x[192 + group * 2], d * (float)(int8_t)x[193 + group * 2]};
        for (size_t i = 0; i < 32; i++) {
            const int q = ((low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4) - 32;
            put(y, group * 32 + i, dl[i / 16] * (float)q);
        }
    }
})

DECODER(decode_q8_k, 292, 256, {
    const uint32_t bits = high_bits(x);
    float d;
    memcpy(&d, &bits, 4);
    for (size_t i = 0; i < 256; i++) put(y, i, d * (float)(int8_t)x[4 + i]);
})

#include "blocks_codes_template.h"

// clang-format on

const ingot_block_kernels NAME(ingot_block_kernels) = {
    .decode_q4_0 = NAME(decode_q4_0),
    .decode_q4_1 = NAME(decode_q4_1),
    .decode_q5_0 = NAME(decode_q5_0),
    .decode_q5_1 = NAME(decode_q5_1),
    .decode_q8_0 = NAME(decode_q8_0),
    .decode_q2_k = NAME(decode_q2_k),
    .decode_q3_k = NAME(decode_q3_k),
    .decode_q4_k = NAME(decode_q4_k),
    .decode_q5_k = NAME(decode_q5_k),
    .decode_q6_k = NAME(decode_q6_k),
    .decode_q8_k = NAME(decode_q8_k),
    .decode_iq2_xxs = NAME(decode_iq2_xxs),
    .decode_iq2_xs = NAME(decode_iq2_xs),
    .decode_iq2_s = NAME(decode_iq2_s),
    .decode_iq3_xxs = NAME(decode_iq3_xxs),
    .decode_iq3_s = NAME(decode_iq3_s),
    .decode_iq1_s = NAME(decode_iq1_s),
    .decode_iq1_m = NAME(decode_iq1_m),
    .decode_iq4_nl = NAME(decode_iq4_nl),
    .decode_iq4_xs = NAME(decode_iq4_xs),
    .decode_tq1_0 = NAME(decode_tq1_0),
    .decode_tq2_0 = NAME(decode_tq2_0),
    .decode_mxfp4 = NAME(decode_mxfp4),
    .decode_nvfp4 = NAME(decode_nvfp4),
    .decode_q1_0 = NAME(decode_q1_0),
    .decode_q2_0 = NAME(decode_q2_0),
};
