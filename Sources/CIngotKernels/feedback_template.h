// SPDX-License-Identifier: Apache-2.0
// Rounding with error feedback on vectors of sixteen floats. Included once an instruction set with LEVEL and TARGET defined;
// all levels sum in the same lanes.
#include "ingot_feedback.h"

#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(base) JOIN(base##_, LEVEL)
#define INLINE static inline __attribute__((always_inline)) TARGET

// Vectors pass only between functions that are inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"
// One rounding a step, so that levels with fused instructions give the same bits.
#pragma STDC FP_CONTRACT OFF

enum { LANES = INGOT_FEEDBACK_ROWS };
typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t words __attribute__((vector_size(4 * LANES)));
typedef int8_t bytes __attribute__((vector_size(LANES)));
typedef double doubles __attribute__((vector_size(8 * LANES)));

INLINE floats choose(words mask, floats yes, floats no) {
    return (floats)((mask & (words)yes) | (~mask & (words)no));
}

INLINE floats load(const float *p) {
    floats v;
    memcpy(&v, p, sizeof v);
    return v;
}

TARGET static double NAME(dot)(const float *a, const float *b, size_t n) {
    doubles sums = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        sums += __builtin_convertvector(load(a + i), doubles) * __builtin_convertvector(load(b + i), doubles);
    }
    double sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += sums[lane];
    for (; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

TARGET static void NAME(add_multiple)(const float *x, double factor, double *sums, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        doubles sum;
        memcpy(&sum, sums + i, sizeof sum);
        sum += factor * __builtin_convertvector(load(x + i), doubles);
        memcpy(sums + i, &sum, sizeof sum);
    }
    for (; i < n; i++) sums[i] += factor * (double)x[i];
}

/// What the errors of the inputs before one have to be made up for by it: four sums, for the processor to work on at once.
INLINE floats made_up(const float *errors, const float *factor, size_t n) {
    floats sums[4] = {{0}};
    size_t j = 0;
    for (; j + 4 <= n; j += 4) {
        for (size_t part = 0; part < 4; part++) sums[part] += load(errors + (j + part) * LANES) * factor[j + part];
    }
    for (; j < n; j++) sums[0] += load(errors + j * LANES) * factor[j];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

TARGET static void NAME(round_rows)(const float *x, size_t n, const float *factor, const float *scales, size_t size,
                                    float *errors, int8_t *q) {
    // Adding and taking away 1.5 · 2²³ rounds to the nearest integer, ties to even.
    const floats magic = (floats){} + 12582912.0f, most = (floats){} + 127.0f, one = (floats){} + 1.0f;
    for (size_t k = 0; k < n; k++, factor += n) {
        const floats value = load(x + k * LANES) - made_up(errors, factor, k);
        const floats scale = load(scales + k / size * LANES);
        const words is_used = scale > 0.0f;
        floats t = value / choose(is_used, scale, one);
        t = choose(t > -most, t, -most);
        t = choose(t < most, t, most);
        const floats rounded = choose(is_used, (t + magic) - magic, (floats){});
        const floats error = (value - rounded * scale) / ((floats){} + factor[k]);
        const bytes result = __builtin_convertvector(__builtin_convertvector(rounded, words), bytes);
        memcpy(errors + k * LANES, &error, sizeof error);
        memcpy(q + k * LANES, &result, sizeof result);
    }
}

const ingot_feedback_kernels NAME(ingot_feedback_kernels) = {
    .dot = NAME(dot),
    .add_multiple = NAME(add_multiple),
    .round_rows = NAME(round_rows),
};
