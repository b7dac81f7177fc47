// SPDX-License-Identifier: Apache-2.0
// Normal deviates by Box and Muller's method ("A note on the generation of random normal deviates", 1958) over
// SplitMix64 of a counter, eight pairs at a time. Included once an instruction set with LEVEL and TARGET defined.
// ReferenceKernels.normal is the same arithmetic, one pair at a time.
#include "ingot_random.h"

#include "level_names.h"

#include <string.h>

// A fused multiply-add rounds once where two operations round twice: the bytes would depend on the processor.
#pragma clang fp contract(off)
#pragma clang diagnostic ignored "-Wpsabi"

typedef uint64_t bits __attribute__((vector_size(64)));
typedef int64_t whole __attribute__((vector_size(64)));
typedef double wide __attribute__((vector_size(64)));
typedef float narrow __attribute__((vector_size(32)));
typedef float narrow_pairs __attribute__((vector_size(64)));

/// SplitMix64's mixing of a counter (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
INLINE bits mixed(bits x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

INLINE wide choose(whole mask, wide yes, wide no) { return (wide)((mask & (whole)yes) | (~mask & (whole)no)); }

/// log u for u in (0, 1], to 2e-16: u = 2^e m with m in [√½, √2), log m = 2 artanh((m − 1) / (m + 1)) by its series.
INLINE wide logarithm(wide u) {
    const whole exponent = ((whole)u - 0x3fe6a09e667f3bcd) >> 52;
    const wide m = (wide)((whole)u - (exponent << 52));
    const wide s = (m - 1.0) / (m + 1.0), q = s * s;
    wide p = q * (1.0 / 21) + 1.0 / 19;
    p = p * q + 1.0 / 17;
    p = p * q + 1.0 / 15;
    p = p * q + 1.0 / 13;
    p = p * q + 1.0 / 11;
    p = p * q + 1.0 / 9;
    p = p * q + 1.0 / 7;
    p = p * q + 1.0 / 5;
    p = p * q + 1.0 / 3;
    const wide tail = s * q * p;
    return __builtin_convertvector(exponent, wide) * 0x1.62e42fefa39efp-1 + 2.0 * (s + tail);
}

/// sin x for |x| ≤ π/4, to 2e-16, by its series.
INLINE wide sine(wide x) {
    const wide q = x * x;
    wide p = q * (1.0 / 355687428096000) - 1.0 / 1307674368000;
    p = p * q + 1.0 / 6227020800;
    p = p * q - 1.0 / 39916800;
    p = p * q + 1.0 / 362880;
    p = p * q - 1.0 / 5040;
    p = p * q + 1.0 / 120;
    p = p * q - 1.0 / 6;
    return x + x * q * p;
}

/// cos x for |x| ≤ π/4, to 2e-16, by its series.
INLINE wide cosine(wide x) {
    const wide q = x * x;
    wide p = q * (1.0 / 20922789888000) - 1.0 / 87178291200;
    p = p * q + 1.0 / 479001600;
    p = p * q - 1.0 / 3628800;
    p = p * q + 1.0 / 40320;
    p = p * q - 1.0 / 720;
    p = p * q + 1.0 / 24;
    p = p * q - 0.5;
    return 1.0 + q * p;
}

/// Pairs `[pair, pair + 8)` of a sequence: the elements `2 · pair` and on.
INLINE narrow_pairs normal_pairs(uint64_t key, uint64_t pair, double deviation) {
    const bits lane = {0, 1, 2, 3, 4, 5, 6, 7};
    const bits counter = key + (pair + lane) * 2 * 0x9e3779b97f4a7c15u;
    const whole a = (whole)(mixed(counter) >> 11), b = (whole)(mixed(counter + 0x9e3779b97f4a7c15u) >> 11);

    // The radius from a uniform number in (0, 1], the angle from one in [0, 1) turns: a quarter and the rest of it.
    const wide u = __builtin_convertvector(a + 1, wide) * 0x1p-53;
    const wide radius = __builtin_elementwise_sqrt(-2.0 * logarithm(u)) * deviation;
    const whole quarter = (b + (1ll << 50)) >> 51;
    const wide x = __builtin_convertvector(b - (quarter << 51), wide) * 0x1.921fb54442d18p-51;
    const wide s = sine(x), c = cosine(x);
    const whole swap = (quarter & 1) != 0;
    const whole sign = (whole){} + INT64_MIN;
    const wide first = (wide)((whole)choose(swap, s, c) ^ ((((quarter + 1) & 2) != 0) & sign));
    const wide second = (wide)((whole)choose(swap, c, s) ^ (((quarter & 2) != 0) & sign));
    const narrow even = __builtin_convertvector(radius * first, narrow);
    const narrow odd = __builtin_convertvector(radius * second, narrow);
    return __builtin_shufflevector(even, odd, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
}

TARGET static void NAME(normal)(uint64_t key, uint64_t first, size_t n, double deviation, float *y) {
    for (size_t i = 0; i < n; i += 16) {
        const narrow_pairs values = normal_pairs(key, first / 2 + i / 2, deviation);
        memcpy(y + i, &values, (n - i < 16 ? n - i : 16) * sizeof *y);
    }
}

const ingot_random_kernels NAME(ingot_random_kernels) = {
    .normal = NAME(normal),
};
