// SPDX-License-Identifier: Apache-2.0
// Blocks whose values are places in lists: ggml's IQ types, ternary ones, 4-bit floats, and those of one or two bits.
// Included by blocks_template.h, which has the macros. Grids are ingot_grids.h's.
#include "ingot_grids.h"

/// Signs of eight values: seven bits of the file's, and one that makes the number of minus signs even.
INLINE uint32_t even_signs(uint32_t index) {
    uint32_t parity = index & 127;
    parity ^= parity >> 4;
    return (index & 127) | (0x6996u >> (parity & 15) & 1) << 7;
}

INLINE uint32_t word_at(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }

/// Eight values of a grid's entry, each times a factor, with the signs of a byte.
INLINE void put_eight(float *y, size_t i, float factor, uint32_t entry, uint32_t signs) {
    static const float magnitudes[4] = {8, 25, 43, 0};
    for (size_t j = 0; j < 8; j++) {
        const float value = factor * magnitudes[entry >> 2 * j & 3];
        put(y, i + j, signs >> j & 1 ? -value : value);
    }
}

/// Four values of a grid's entry, as eight of the other grids.
INLINE void put_four(float *y, size_t i, float factor, const float *magnitudes, uint32_t entry, uint32_t signs) {
    for (size_t j = 0; j < 4; j++) {
        const float value = factor * magnitudes[entry >> 4 * j & 7];
        put(y, i + j, signs >> j & 1 ? -value : value);
    }
}

/// Eight values of the grid of -1, 0 and 1, moved by an eighth.
INLINE void put_ternary(float *y, size_t i, float factor, uint32_t entry, float delta) {
    for (size_t j = 0; j < 8; j++) put(y, i + j, factor * ((float)(int)(entry >> 2 * j & 3) - 1 + delta));
}

// Eight groups of 32 values: four places in the grid, then four signs of seven bits and a scale of four.
DECODER(decode_iq2_xxs, 66, 256, {
    const float d = half_at(x);
    for (size_t group = 0; group < 8; group++) {
        const uint8_t *q = x + 2 + group * 8;
        const uint32_t rest = high_bits(q + 4);
        const float factor = d * (0.5f + (float)(rest >> 28)) * 0.25f;
        for (size_t i = 0; i < 4; i++) {
            put_eight(y, group * 32 + i * 8, factor, ingot_grid_iq2_xxs[q[i]], even_signs(rest >> 7 * i));
        }
    }
})

// 32 runs of eight values: a place of nine bits and signs of seven; two runs share a scale.
DECODER(decode_iq2_xs, 74, 256, {
    const float d = half_at(x);
    for (size_t i = 0; i < 32; i++) {
        const uint32_t q = word_at(x + 2 + i * 2), scale = x[66 + i / 4] >> (i / 2 % 2 * 4) & 15;
        const float factor = d * (0.5f + (float)scale) * 0.25f;
        put_eight(y, i * 8, factor, ingot_grid_iq2_xs[q & 511], even_signs(q >> 9));
    }
})

// 32 runs of eight values: eight low bits of a place, signs, and two high bits; two runs share a scale.
DECODER(decode_iq2_s, 82, 256, {
    const float d = half_at(x);
    for (size_t i = 0; i < 32; i++) {
        const uint32_t high = x[66 + i / 4] >> (i % 4 * 2) & 3, scale = x[74 + i / 4] >> (i / 2 % 2 * 4) & 15;
        const float factor = d * (0.5f + (float)scale) * 0.25f;
        put_eight(y, i * 8, factor, ingot_grid_iq2_s[x[2 + i] | high << 8], x[34 + i]);
    }
})

// Eight groups of 32 values: eight places in the grid; behind all, four signs of seven bits and a scale for each.
DECODER(decode_iq3_xxs, 98, 256, {
    static const float magnitudes[8] = {4, 12, 20, 28, 36, 44, 52, 62};
    const float d = half_at(x);
    for (size_t group = 0; group < 8; group++) {
        const uint32_t rest = high_bits(x + 66 + group * 4);
        const float factor = d * (0.5f + (float)(rest >> 28)) * 0.5f;
        for (size_t i = 0; i < 8; i++) {
            const uint32_t signs = even_signs(rest >> 7 * (i / 2)) >> (i % 2 * 4);
            put_four(y, group * 32 + i * 4, factor, magnitudes, ingot_grid_iq3_xxs[x[2 + group * 8 + i]], signs);
        }
    }
})

// 64 runs of four values: eight low bits of a place and a high one, signs, a scale for eight runs.
DECODER(decode_iq3_s, 110, 256, {
    static const float magnitudes[8] = {1, 3, 5, 7, 9, 11, 13, 15};
    const float d = half_at(x);
    for (size_t i = 0; i < 64; i++) {
        const uint32_t high = x[66 + i / 8] >> (i % 8) & 1, scale = x[106 + i / 16] >> (i / 8 % 2 * 4) & 15;
        const float factor = d * (float)(1 + 2 * scale);
        put_four(y, i * 4, factor, magnitudes, ingot_grid_iq3_s[x[2 + i] | high << 8], x[74 + i / 2] >> (i % 2 * 4));
    }
})

// Eight groups of 32 values: four places, whose high bits stand in a word with the scale and the sign of the delta.
DECODER(decode_iq1_s, 50, 256, {
    const float d = half_at(x);
    for (size_t group = 0; group < 8; group++) {
        const uint32_t high = word_at(x + 34 + group * 2);
        const float factor = d * (float)(2 * (high >> 12 & 7) + 1), delta = high & 0x8000 ? -0.125f : 0.125f;
        for (size_t i = 0; i < 4; i++) {
            const uint32_t place = x[2 + group * 4 + i] | (high >> 3 * i & 7) << 8;
            put_ternary(y, group * 32 + i * 8, factor, ingot_grid_iq1_s[place], delta);
        }
    }
})

// 32 runs of eight values; the block's scale is the high nibbles of four words, whose other bits scale two runs each.
DECODER(decode_iq1_m, 56, 256, {
    const uint8_t *scales = x + 48;
    const uint8_t low = (uint8_t)(scales[1] >> 4 | (scales[3] & 0xf0));
    const uint8_t bits[2] = {low, (uint8_t)(scales[5] >> 4 | (scales[7] & 0xf0))};
    const float d = half_at(bits);
    for (size_t i = 0; i < 32; i++) {
        const uint32_t scale = word_at(scales + i / 8 * 2) >> (i / 2 % 4 * 3) & 7, high = x[32 + i / 2] >> (i % 2 * 4);
        put_ternary(y, i * 8, d * (float)(2 * scale + 1), ingot_grid_iq1_s[x[i] | (high & 7) << 8],
                    high & 8 ? -0.125f : 0.125f);
    }
})

/// ggml's list of 16 values that are not evenly apart.
static const float NAME(uneven_values)[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

DECODER(decode_iq4_nl, 18, 32, {
    const float d = half_at(x);
    for (size_t i = 0; i < 16; i++) {
        put(y, i, d * NAME(uneven_values)[x[2 + i] & 15]);
        put(y, i + 16, d * NAME(uneven_values)[x[2 + i] >> 4]);
    }
})

// Eight groups of 32 values, each with a scale of six bits: two high ones in a word, four low ones behind it.
DECODER(decode_iq4_xs, 136, 256, {
    const float d = half_at(x);
    for (size_t group = 0; group < 8; group++) {
        const int low = x[4 + group / 2] >> (group % 2 * 4) & 15, high = (int)(word_at(x + 2) >> 2 * group & 3);
        const float factor = d * (float)((low | high << 4) - 32);
        const uint8_t *q = x + 8 + group * 16;
        for (size_t i = 0; i < 16; i++) {
            put(y, group * 32 + i, factor * NAME(uneven_values)[q[i] & 15]);
            put(y, group * 32 + i + 16, factor * NAME(uneven_values)[q[i] >> 4]);
        }
    }
})

/// A value of -1, 0 or 1: the digit of a fraction of 256 to the base 3, after so many others.
INLINE float ternary_digit(uint8_t byte, uint8_t power) { return (float)(((uint8_t)(byte * power) * 3u >> 8)) - 1; }

// Five values a byte: 32 bytes, then 16, whose digits of one place stand side by side; then four bytes of four.
DECODER(decode_tq1_0, 54, 256, {
    static const uint8_t powers[5] = {1, 3, 9, 27, 81};
    const float d = half_at(x + 52);
    for (size_t digit = 0; digit < 5; digit++) {
        for (size_t i = 0; i < 32; i++) put(y, digit * 32 + i, d * ternary_digit(x[i], powers[digit]));
        for (size_t i = 0; i < 16; i++) put(y, 160 + digit * 16 + i, d * ternary_digit(x[32 + i], powers[digit]));
    }
    for (size_t i = 0; i < 16; i++) put(y, 240 + i, d * ternary_digit(x[48 + i % 4], powers[i / 4]));
})

DECODER(decode_tq2_0, 66, 256, {
    const float d = half_at(x + 64);
    for (size_t i = 0; i < 256; i++) {
        put(y, i, d * ((float)(x[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3) - 1));
    }
})

/// The 4-bit floats, doubled.
static const float NAME(four_bit_floats)[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// Half of a power of two whose exponent is a byte.
INLINE float half_power(uint8_t exponent) {
    const uint32_t bits = exponent < 2 ? 0x00200000u << exponent : (uint32_t)(exponent - 1) << 23;
    float result;
    memcpy(&result, &bits, 4);
    return result;
}

DECODER(decode_mxfp4, 17, 32, {
    const float d = half_power(x[0]);
    for (size_t i = 0; i < 16; i++) {
        put(y, i, d * NAME(four_bit_floats)[x[1 + i] & 15]);
        put(y, i + 16, d * NAME(four_bit_floats)[x[1 + i] >> 4]);
    }
})

/// Half of an unsigned 8-bit float of three fraction bits; 0 for the code that is no number.
INLINE float half_scale(uint8_t code) {
    const int exponent = code >> 3 & 15, fraction = code & 7;
    if (code == 0x7f) return 0;
    if (exponent == 0) return (float)fraction * 0x1p-10f;
    const uint32_t bits = (uint32_t)(exponent - 8 + 127) << 23 | (uint32_t)fraction << 20;
    float result;
    memcpy(&result, &bits, 4);
    return result;
}

// Four groups of 16 values: a scale each, then eight bytes each.
DECODER(decode_nvfp4, 36, 64, {
    for (size_t group = 0; group < 4; group++) {
        const float d = half_scale(x[group]);
        const uint8_t *q = x + 4 + group * 8;
        for (size_t i = 0; i < 8; i++) {
            put(y, group * 16 + i, d * NAME(four_bit_floats)[q[i] & 15]);
            put(y, group * 16 + i + 8, d * NAME(four_bit_floats)[q[i] >> 4]);
        }
    }
})

DECODER(decode_q1_0, 18, 128, {
    const float d = half_at(x);
    for (size_t i = 0; i < 128; i++) put(y, i, x[2 + i / 8] >> (i % 8) & 1 ? d : -d);
})

DECODER(decode_q2_0, 18, 64, {
    const float d = half_at(x);
    for (size_t i = 0; i < 64; i++) put(y, i, d * ((float)(x[2 + i / 4] >> (i % 4 * 2) & 3) - 1));
})
