// SPDX-License-Identifier: Apache-2.0
// Statistics on vectors of eight doubles. Included once an instruction set with LEVEL (suffix of the names) and TARGET
// (function attribute) defined; all levels sum in the same eight lanes.
#include "ingot_statistics.h"

#include "level_names.h"

#include <string.h>

// Vectors pass only between functions that are inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float narrow __attribute__((vector_size(32)));
typedef double wide __attribute__((vector_size(64)));
typedef int64_t whole __attribute__((vector_size(64)));

/// Eight elements at `p`, floats or doubles; for fewer, copies of the first.
INLINE wide load(const char *p, size_t n, const int is_float) {
    if (is_float) {
        narrow v;
        if (n < 8) {
            for (size_t i = 0; i < 8; i++) memcpy((char *)&v + i * 4, p + (i < n ? i : 0) * 4, 4);
        } else {
            memcpy(&v, p, sizeof v);
        }
        return __builtin_convertvector(v, wide);
    }
    wide v;
    if (n < 8) {
        for (size_t i = 0; i < 8; i++) memcpy((char *)&v + i * 8, p + (i < n ? i : 0) * 8, 8);
    } else {
        memcpy(&v, p, sizeof v);
    }
    return v;
}

INLINE wide choose(whole mask, wide yes, wide no) { return (wide)((mask & (whole)yes) | (~mask & (whole)no)); }

INLINE wide magnitude(wide x) { return (wide)((whole)x & INT64_MAX); }

INLINE uint64_t count_of(whole v) {
    uint64_t count = 0;
    for (int i = 0; i < 8; i++) count += (uint64_t)v[i];
    return count;
}

INLINE double sum_of(wide v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

INLINE void gather(const char *x, size_t n, const int is_float, ingot_statistics *result) {
    const double infinity = __builtin_inf();
    const whole lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    const size_t width = is_float ? 4 : 8;
    whole zeros = {0}, nans = {0}, finites = {0};
    wide sum = {0}, least = (wide){} + infinity, greatest = (wide){} - infinity;
    for (size_t i = 0; i < n; i += 8) {
        const wide v = load(x + i * width, n - i, is_float);
        const whole valid = lanes < (int64_t)(n - i);
        const whole finite = valid & (magnitude(v) < infinity);
        // A true lane of a mask is -1.
        finites -= finite;
        zeros -= valid & (v == 0.0);
        nans -= valid & (v != v);
        sum += choose(finite, v, (wide){});
        const wide low = choose(finite, v, (wide){} + infinity), high = choose(finite, v, (wide){} - infinity);
        least = choose(low < least, low, least);
        greatest = choose(high > greatest, high, greatest);
    }
    result->finite = count_of(finites);
    result->zeros = count_of(zeros);
    result->nans = count_of(nans);
    result->infinities = n - result->finite - result->nans;
    result->sum = sum_of(sum);
    result->least = infinity;
    result->greatest = -infinity;
    for (int i = 0; i < 8; i++) {
        result->least = least[i] < result->least ? least[i] : result->least;
        result->greatest = greatest[i] > result->greatest ? greatest[i] : result->greatest;
    }
    wide squares = {0};
    if (result->finite) {
        const double mean = result->sum / (double)result->finite;
        for (size_t i = 0; i < n; i += 8) {
            const wide v = load(x + i * width, n - i, is_float);
            const whole finite = (lanes < (int64_t)(n - i)) & (magnitude(v) < infinity);
            const wide deviation = choose(finite, v - mean, (wide){});
            squares += deviation * deviation;
        }
    }
    result->squared_deviations = sum_of(squares);
}

TARGET static void NAME(statistics_f32)(const float *x, size_t n, ingot_statistics *result) {
    gather((const char *)x, n, 1, result);
}

TARGET static void NAME(statistics_f64)(const double *x, size_t n, ingot_statistics *result) {
    gather((const char *)x, n, 0, result);
}

const ingot_statistics_kernels NAME(ingot_statistics_kernels) = {
    .f32 = NAME(statistics_f32),
    .f64 = NAME(statistics_f64),
};
