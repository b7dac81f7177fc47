// SPDX-License-Identifier: Apache-2.0
// Rounding with error feedback on vectors of sixteen floats. Included once an instruction set with LEVEL and TARGET defined;
// all levels sum in the same lanes.
#include "ingot_feedback.h"

#include "quotient_template.h"

_Static_assert(LANES == INGOT_FEEDBACK_ROWS, "an output a lane");
typedef double doubles __attribute__((vector_size(128)));

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
    for (size_t k = 0; k < n; k++, factor += n) {
        const floats value = load(x + k * LANES) - made_up(errors, factor, k);
        const floats scale = load(scales + k / size * LANES);
        const floats rounded = rounded_quotient(value, scale);
        const floats error = (value - rounded * scale) / ((floats){} + factor[k]);
        const bytes result = narrowed(rounded);
        memcpy(errors + k * LANES, &error, sizeof error);
        memcpy(q + k * LANES, &result, sizeof result);
    }
}

const ingot_feedback_kernels NAME(ingot_feedback_kernels) = {
    .dot = NAME(dot),
    .add_multiple = NAME(add_multiple),
    .round_rows = NAME(round_rows),
};
