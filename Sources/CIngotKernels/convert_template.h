// SPDX-License-Identifier: Apache-2.0
// Conversions as plain branchless loops, which the compiler turns into vectors. Included once an instruction set with
// LEVEL (suffix of the names) and TARGET (function attribute) defined. Formats: IEEE 754; bfloat16; F8 as in
// "FP8 Formats for Deep Learning" (Micikevicius et al., 2022).
#include "ingot_convert.h"

#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(base) JOIN(base##_, LEVEL)
#define KERNEL TARGET static void
#define INLINE static inline __attribute__((always_inline))

// Elements between additions to the 64-bit counters; 32-bit counters stay in vector lanes meanwhile.
enum { BLOCK = 4096 };

INLINE uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

INLINE float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

// --- Widening

/// Decodes a small float of `mantissa` stored bits at the top of `magnitude` (sign removed), whose exponent bias is
/// `bias`: moved into place and scaled by a power of two, which is exact for denormals too.
INLINE uint32_t scaled_up(uint32_t magnitude, int mantissa, int bias) {
    return bits_of(float_of(magnitude << (23 - mantissa)) * float_of((uint32_t)(254 - bias) << 23));
}

INLINE uint32_t decode_f16(uint32_t h) {
    uint32_t magnitude = h & 0x7fff;
    uint32_t special = magnitude << 13 | 0x7f800000 | (magnitude > 0x7c00 ? 0x400000 : 0);
    return (h & 0x8000) << 16 | (magnitude >= 0x7c00 ? special : scaled_up(magnitude, 10, 15));
}

INLINE uint32_t decode_f8e5m2(uint32_t b) { return decode_f16(b << 8); }

INLINE uint32_t decode_f8e4m3(uint32_t b) {
    uint32_t magnitude = b & 0x7f;
    return (b & 0x80) << 24 | (magnitude == 0x7f ? 0x7fc00000 : scaled_up(magnitude, 3, 7));
}

// A power of two alone: 0 is 2^-127, which F32 holds as a denormal, and 255 is NaN.
INLINE uint32_t decode_f8e8m0(uint32_t b) { return b == 0xff ? 0x7fc00000 : b == 0 ? 0x00400000 : b << 23; }

#ifdef HAS_OWN_F16
// Behind this file, by instructions.
KERNEL NAME(widen_f16_f32)(const void *from, void *to, size_t n);
KERNEL NAME(f32_f16)(const void *from, void *to, size_t n, int saturate, ingot_cast_counts *counts);
#endif

#define WIDEN(name, source, result, expression)                                                                       \
    KERNEL NAME(name)(const void *from, void *to, size_t n) {                                                        \
        const char *in = from;                                                                                       \
        char *out = to;                                                                                              \
        for (size_t i = 0; i < n; i++) {                                                                             \
            source x;                                                                                                \
            memcpy(&x, in + i * sizeof x, sizeof x);                                                                 \
            result y = expression;                                                                                   \
            memcpy(out + i * sizeof y, &y, sizeof y);                                                                \
        }                                                                                                            \
    }

#ifndef HAS_OWN_F16
WIDEN(widen_f16_f32, uint16_t, uint32_t, decode_f16(x))
#endif
WIDEN(widen_bf16_f32, uint16_t, uint32_t, (uint32_t)x << 16)
WIDEN(widen_f8e4m3_f32, uint8_t, uint32_t, decode_f8e4m3(x))
WIDEN(widen_f8e5m2_f32, uint8_t, uint32_t, decode_f8e5m2(x))
WIDEN(widen_f8e8m0_f32, uint8_t, uint32_t, decode_f8e8m0(x))
WIDEN(widen_i8_f32, int8_t, float, (float)x)
WIDEN(widen_u8_f32, uint8_t, float, (float)x)
WIDEN(widen_i16_f32, int16_t, float, (float)x)
WIDEN(widen_u16_f32, uint16_t, float, (float)x)
WIDEN(widen_f32_f64, float, double, (double)x)

// --- F64 to F32

INLINE int is_finite(float x) { return (bits_of(x) & 0x7fffffff) < 0x7f800000; }

KERNEL NAME(f64_f32)(const void *from, void *to, size_t n, int saturate, ingot_cast_counts *counts) {
    const char *in = from;
    char *out = to;
    uint32_t limit = saturate ? 0x7f7fffff : 0x7f800000;
    for (size_t start = 0; start < n; start += BLOCK) {
        size_t end = n - start < BLOCK ? n : start + BLOCK;
        uint64_t inexact = 0, overflow = 0;
        for (size_t i = start; i < end; i++) {
            double x;
            memcpy(&x, in + i * 8, 8);
            float y = (float)x;
            uint32_t bits = bits_of(y);
            int finite = __builtin_fabs(x) <= 0x1.fffffffffffffp+1023;
            int over = finite & ((bits & 0x7fffffff) == 0x7f800000);
            inexact += (x == x) & ((double)y != x);
            overflow += over;
            bits = over ? (bits & 0x80000000) | limit : bits;
            memcpy(out + i * 4, &bits, 4);
        }
        counts->inexact += inexact;
        counts->overflow += overflow;
    }
}

/// The nearest value, moved one step towards zero where it lies beyond `x`, with the last bit set where inexact.
INLINE uint32_t round_to_odd(double x) {
    float y = (float)x;
    uint32_t bits = bits_of(y);
    bits -= __builtin_fabs((double)y) > __builtin_fabs(x);
    return bits | ((x == x) & ((double)y != x));
}

WIDEN(f64_f32_odd, double, uint32_t, round_to_odd(x))

// --- F32 to narrower types

typedef struct {
    uint32_t code, inexact, overflow, lost;
} encoded;

/// Rounds the float of these bits to a format of `mantissa` stored bits, exponent bias `bias` and largest finite code
/// `largest`; the next code is infinity, or NaN in a format without one.
INLINE encoded encode(uint32_t bits, int mantissa, int bias, uint32_t largest, int has_infinity, int saturate) {
    const int shift = 23 - mantissa;
    uint32_t magnitude = bits & 0x7fffffff;
    int is_nan = magnitude > 0x7f800000, is_infinite = magnitude == 0x7f800000;

    // Normal range: add half a step less one and the last kept bit, cut, move the exponent.
    uint32_t rounded = (magnitude + ((1u << (shift - 1)) - 1) + ((magnitude >> shift) & 1)) >> shift;
    uint32_t code = rounded - ((uint32_t)(127 - bias) << mantissa);
    uint32_t inexact = (magnitude & ((1u << shift) - 1)) != 0;

    // Below it: adding a number whose last bit has the denormals' step lets the processor round.
    if (bias != 127) {
        float magic = float_of((uint32_t)(127 + 24 - bias - mantissa) << 23);
        float aligned = float_of(magnitude) + magic;
        int is_small = magnitude < (uint32_t)(128 - bias) << 23;
        code = is_small ? bits_of(aligned) - bits_of(magic) : code;
        inexact = is_small ? aligned - magic != float_of(magnitude) : inexact;
    }

    encoded result;
    result.overflow = (code > largest) & (magnitude < 0x7f800000);
    result.inexact = inexact & (magnitude < 0x7f800000);
    result.lost = has_infinity ? 0 : is_infinite;
    result.inexact |= result.lost | result.overflow;
    code = result.overflow ? (saturate ? largest : largest + 1) : code;
    code = is_infinite ? largest + 1 : code;
    uint32_t nan = has_infinity ? (largest + 1) | 1u << (mantissa - 1) | (magnitude & 0x7fffff) >> shift : 0x7f;
    code = is_nan ? nan : code;
    result.code = code;
    return result;
}

#define NARROW(name, result_type, mantissa, bias, largest, has_infinity)                                              \
    KERNEL NAME(name)(const void *from, void *to, size_t n, int saturate, ingot_cast_counts *counts) {               \
        const char *in = from;                                                                                       \
        char *out = to;                                                                                              \
        for (size_t start = 0; start < n; start += BLOCK) {                                                          \
            size_t end = n - start < BLOCK ? n : start + BLOCK;                                                      \
            uint32_t inexact = 0, overflow = 0, lost = 0;                                                            \
            for (size_t i = start; i < end; i++) {                                                                   \
                uint32_t bits;                                                                                       \
                memcpy(&bits, in + i * 4, 4);                                                                        \
                encoded e = encode(bits, mantissa, bias, largest, has_infinity, saturate);                           \
                result_type y = (result_type)(e.code | (bits >> 31) << (8 * sizeof(result_type) - 1));               \
                memcpy(out + i * sizeof y, &y, sizeof y);                                                            \
                inexact += e.inexact;                                                                                \
                overflow += e.overflow;                                                                              \
                lost += e.lost;                                                                                      \
            }                                                                                                        \
            counts->inexact += inexact;                                                                              \
            counts->overflow += overflow;                                                                            \
            counts->lost_infinities += lost;                                                                         \
        }                                                                                                            \
    }

#ifndef HAS_OWN_F16
NARROW(f32_f16, uint16_t, 10, 15, 0x7bff, 1)
#endif
NARROW(f32_bf16, uint16_t, 7, 127, 0x7f7f, 1)
NARROW(f32_f8e4m3, uint8_t, 3, 7, 0x7e, 0)
NARROW(f32_f8e5m2, uint8_t, 2, 15, 0x7b, 1)

const ingot_convert_kernels NAME(ingot_convert_kernels) = {
    .widen_f16_f32 = NAME(widen_f16_f32),
    .widen_bf16_f32 = NAME(widen_bf16_f32),
    .widen_f8e4m3_f32 = NAME(widen_f8e4m3_f32),
    .widen_f8e5m2_f32 = NAME(widen_f8e5m2_f32),
    .widen_f8e8m0_f32 = NAME(widen_f8e8m0_f32),
    .widen_i8_f32 = NAME(widen_i8_f32),
    .widen_u8_f32 = NAME(widen_u8_f32),
    .widen_i16_f32 = NAME(widen_i16_f32),
    .widen_u16_f32 = NAME(widen_u16_f32),
    .widen_f32_f64 = NAME(widen_f32_f64),
    .f64_f32 = NAME(f64_f32),
    .f64_f32_odd = NAME(f64_f32_odd),
    .f32_f16 = NAME(f32_f16),
    .f32_bf16 = NAME(f32_bf16),
    .f32_f8e4m3 = NAME(f32_f8e4m3),
    .f32_f8e5m2 = NAME(f32_f8e5m2),
};
