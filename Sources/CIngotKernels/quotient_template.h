// SPDX-License-Identifier: Apache-2.0
// Sixteen floats at a time, and their quotients by scales as int8. Included once an instruction set with LEVEL and TARGET
// defined; all levels give the same bits.
#include "level_names.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Vectors pass only between functions that are inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"
// One rounding a step, so that levels with fused instructions give the same bits.
#pragma STDC FP_CONTRACT OFF

enum { LANES = 16 };
typedef float floats __attribute__((vector_size(64)));
typedef int32_t words __attribute__((vector_size(64)));
typedef int8_t bytes __attribute__((vector_size(16)));

INLINE floats choose(words mask, floats yes, floats no) {
    return (floats)((mask & (words)yes) | (~mask & (words)no));
}

INLINE floats load(const float *p) {
    floats v;
    memcpy(&v, p, sizeof v);
    return v;
}

/// The first `n` of sixteen floats, and zeros.
INLINE floats load_part(const float *p, size_t n) {
    floats v = {0};
    memcpy(&v, p, n * sizeof *p);
    return v;
}

/// The nearest integers, ties to even, from -127 to 127.
INLINE floats nearest(floats quotient) {
    // Adding and taking away 1.5 · 2²³ rounds to the nearest integer, ties to even.
    const floats magic = (floats){} + 12582912.0f, most = (floats){} + 127.0f;
    floats t = choose(quotient > -most, quotient, -most);
    t = choose(t < most, t, most);
    return (t + magic) - magic;
}

/// Numbers divided by their scales; by 1 where the scale is 0, for what is not used.
INLINE floats divided(floats x, floats scale) { return x / choose(scale > 0.0f, scale, (floats){} + 1.0f); }

/// The integers that stand for numbers by their scales; 0 where the scale is 0.
INLINE floats rounded_quotient(floats x, floats scale) {
    return choose(scale > 0.0f, nearest(divided(x, scale)), (floats){});
}

INLINE bytes narrowed(floats integers) {
    return __builtin_convertvector(__builtin_convertvector(integers, words), bytes);
}
