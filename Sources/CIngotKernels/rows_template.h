// SPDX-License-Identifier: Apache-2.0
// Row and element operators on vectors of eight doubles. Included once an instruction set with LEVEL (suffix of the
// names) and TARGET (function attribute) defined; all levels sum in the same eight lanes.
#include "ingot_rows.h"

#include "level_names.h"

#include <string.h>

#pragma clang fp contract(fast)
// Vectors pass only between functions that are inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float narrow __attribute__((vector_size(32)));
typedef double wide __attribute__((vector_size(64)));
typedef int64_t whole __attribute__((vector_size(64)));

INLINE wide load(const float *p) {
    narrow v;
    memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, wide);
}

INLINE void store(float *p, wide v) {
    narrow result = __builtin_convertvector(v, narrow);
    memcpy(p, &result, sizeof result);
}

/// The first `n` of eight floats, `fill` for the others.
INLINE wide load_part(const float *p, size_t n, float fill) {
    float padded[8] = {fill, fill, fill, fill, fill, fill, fill, fill};
    memcpy(padded, p, n * 4);
    return load(padded);
}

INLINE void store_part(float *p, size_t n, wide v) {
    float padded[8];
    store(padded, v);
    memcpy(p, padded, n * 4);
}

INLINE double sum_of(wide v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

INLINE wide choose(whole mask, wide yes, wide no) { return (wide)((mask & (whole)yes) | (~mask & (whole)no)); }

INLINE wide least(wide a, wide b) { return choose(a < b, a, b); }

INLINE wide largest(wide a, wide b) { return choose(a > b, a, b); }

INLINE wide magnitude(wide x) { return (wide)((whole)x & INT64_MAX); }

// --- Functions

/// eˣ to 1e-14, relative: x = n log 2 + r, Taylor's series for r, exponent n put together by bits. NaN stays NaN.
INLINE wide exponential(wide x) {
    const wide bounded = largest(least(x, (wide){} + 708.0), (wide){} - 708.0);
    const double shifter = 0x1.8p52;
    const wide shifted = bounded * 0x1.71547652b82fep0 + shifter;
    const wide n = shifted - shifter;
    const wide r = (bounded - n * 0x1.62e42fefa3800p-1) - n * 0x1.ef35793c76730p-45;
    wide p = r * (1.0 / 39916800) + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    const wide scale = (wide)(((whole)shifted + 1023) << 52);
    return choose(x == x, p * scale, x);
}

INLINE wide sigmoid(wide x) { return 1.0 / (1.0 + exponential(-x)); }

/// tanh x to 1e-12, relative: near 0, where 1 − 2 / (e²ˣ + 1) cancels, the start of its series.
INLINE wide hyperbolic_tangent(wide x) {
    const wide by_exponential = 1.0 - 2.0 / (exponential(2.0 * x) + 1.0);
    const wide by_series = x - x * x * x * (1.0 / 3);
    return choose(magnitude(x) < 1e-3, by_series, by_exponential);
}

/// erfc z for z ≥ 0 to 1e-10, relative: t exp(−z² + P(t)), t = 2 / (2 + z), the form of Press et al., "Numerical Recipes",
/// 6.2; P interpolates at 15 Chebyshev nodes for z from 0 to 28, computed with mpmath in 40 digits.
INLINE wide complementary_error(wide z) {
    static const double c[15] = {
        -0x1.57f564e9559a2p-1,  0x1.5864b1510f9eap-1,   0x1.83d61ca0e6b0ap-5,   -0x1.802b340b27cfcp-5,
        -0x1.43825db04e2e0p-7,  0x1.212b5c18e78d3p-7,   0x1.cd346621a316fp-10,  -0x1.3347dd13c8199p-9,
        -0x1.38701c42dfeb0p-13, 0x1.5e7b2d5c00972p-11,  -0x1.623b218d33e98p-14, -0x1.5a397cd407c70p-13,
        0x1.c50a214f1c8afp-15,  0x1.9eae5f6288b44p-16,  -0x1.a51f207058aaep-17,
    };
    const wide bounded = choose(z > 28.0, (wide){} + 28.0, z);
    const wide t = 2.0 / (2.0 + bounded), s = 2.0 * t - 1.0;
    wide p = (wide){} + c[14];
#pragma clang loop unroll(full)
    for (int i = 13; i >= 0; i--) p = p * s + c[i];
    return t * exponential(p - bounded * bounded);
}

/// The normal distribution function Φ(x √2) = ½ erfc(−x), without cancellation for negative x.
INLINE wide half_error(wide x) {
    const wide tail = 0.5 * complementary_error(magnitude(x));
    return choose(x < 0.0, tail, 1.0 - tail);
}

/// x · ½ (1 + tanh u) = x σ(2u).
INLINE wide gelu_tanh(wide x, double factor) { return x * sigmoid(2.0 * factor * (x + 0.044715 * x * x * x)); }

INLINE wide activation(wide x, const int kind) {
    switch (kind) {
    case INGOT_ACTIVATION_GELU: return x * half_error(x * 0x1.6a09e667f3bcdp-1);
    case INGOT_ACTIVATION_GELU_TANH: return gelu_tanh(x, 0x1.9884533d43651p-1);
    case INGOT_ACTIVATION_GELU_FAST: return gelu_tanh(x, 0.7978845608);
    case INGOT_ACTIVATION_QUICK_GELU: return x * sigmoid(1.702 * x);
    case INGOT_ACTIVATION_RELU: return choose(x < 0.0, (wide){}, x);
    case INGOT_ACTIVATION_SILU: return x * sigmoid(x);
    case INGOT_ACTIVATION_TANH: return hyperbolic_tangent(x);
    case INGOT_ACTIVATION_SIGMOID: return sigmoid(x);
    case INGOT_ACTIVATION_MISH: {
        // tanh(log(1 + e)) = (e² + 2e) / (e² + 2e + 2), e = eˣ; above 40 it is 1.
        const wide e = exponential(choose(x > 40.0, (wide){} + 40.0, x)), q = e * (e + 2.0);
        return x * (q / (q + 2.0));
    }
    case INGOT_ACTIVATION_LAPLACE: return half_error((x - 0.707107) / (0.282095 * 0x1.6a09e667f3bcdp0));
    case INGOT_ACTIVATION_RELU_SQUARED: {
        const wide positive = choose(x < 0.0, (wide){}, x);
        return positive * positive;
    }
    default: return choose(x < 0.0, (wide){}, choose(x > 6.0, (wide){} + 6.0, x));
    }
}

INLINE void activate(const float *x, float *y, size_t n, const int kind) {
    size_t i = 0;
    for (; i + 8 <= n; i += 8) store(y + i, activation(load(x + i), kind));
    if (i < n) store_part(y + i, n - i, activation(load_part(x + i, n - i, 0), kind));
}

/// Whether there is a NaN, which no comparison with a peak shows.
INLINE int has_nan(const float *x, size_t n) {
    int found = 0;
    for (size_t i = 0; i < n; i++) found |= x[i] != x[i];
    return found;
}

#include "rows_quick_template.h"

TARGET static void NAME(activate)(const float *x, float *y, size_t n, int kind) {
    if (kind & INGOT_ACTIVATION_QUICK) {
        kind -= INGOT_ACTIVATION_QUICK;
        if (activate_quickly(x, y, n, kind)) return;
    }
    switch (kind) {
#define CASE(name) \
    case name: activate(x, y, n, name); break;
        CASE(INGOT_ACTIVATION_GELU)
        CASE(INGOT_ACTIVATION_GELU_TANH)
        CASE(INGOT_ACTIVATION_GELU_FAST)
        CASE(INGOT_ACTIVATION_QUICK_GELU)
        CASE(INGOT_ACTIVATION_RELU)
        CASE(INGOT_ACTIVATION_SILU)
        CASE(INGOT_ACTIVATION_TANH)
        CASE(INGOT_ACTIVATION_SIGMOID)
        CASE(INGOT_ACTIVATION_MISH)
        CASE(INGOT_ACTIVATION_LAPLACE)
        CASE(INGOT_ACTIVATION_RELU_SQUARED)
        CASE(INGOT_ACTIVATION_RELU6)
    }
}

// --- Rows

INLINE void layer_norm_row(const float *x, float *y, size_t d, const float *gain, const float *bias, double epsilon) {
    const size_t body = d / 8 * 8, rest = d - body;
    wide sum = {0};
    for (size_t i = 0; i < body; i += 8) sum += load(x + i);
    if (rest) sum += load_part(x + body, rest, 0);
    const double mean = sum_of(sum) / (double)d;

    wide squares = {0};
    for (size_t i = 0; i < body; i += 8) {
        const wide deviation = load(x + i) - mean;
        squares += deviation * deviation;
    }
    double variance = sum_of(squares);
    for (size_t i = body; i < d; i++) variance += (x[i] - mean) * (x[i] - mean);
    const double factor = 1.0 / __builtin_sqrt(variance / (double)d + epsilon);

    for (size_t i = 0; i < body; i += 8) {
        store(y + i, (load(x + i) - mean) * factor * load(gain + i) + load(bias + i));
    }
    for (size_t i = body; i < d; i++) y[i] = (float)((x[i] - mean) * factor * gain[i] + bias[i]);
}

TARGET static void NAME(layer_norm)(const float *x, float *y, size_t rows, size_t d, const float *gain, const float *bias,
                                   double epsilon) {
    for (size_t r = 0; r < rows; r++) layer_norm_row(x + r * d, y + r * d, d, gain, bias, epsilon);
}

INLINE void rms_norm_row(const float *x, float *y, size_t d, const float *gain, double offset, double epsilon) {
    const size_t body = d / 8 * 8, rest = d - body;
    wide squares = {0};
    for (size_t i = 0; i < body; i += 8) squares += load(x + i) * load(x + i);
    if (rest) squares += load_part(x + body, rest, 0) * load_part(x + body, rest, 0);
    const double factor = 1.0 / __builtin_sqrt(sum_of(squares) / (double)d + epsilon);
    for (size_t i = 0; i < body; i += 8) store(y + i, load(x + i) * factor * (load(gain + i) + offset));
    for (size_t i = body; i < d; i++) y[i] = (float)(x[i] * factor * (gain[i] + offset));
}

TARGET static void NAME(rms_norm)(const float *x, float *y, size_t rows, size_t d, const float *gain, double offset,
                                  double epsilon) {
    for (size_t r = 0; r < rows; r++) rms_norm_row(x + r * d, y + r * d, d, gain, offset, epsilon);
}

TARGET static void NAME(rotate)(const float *x, float *y, size_t heads, size_t e, size_t half, const float *cosine,
                                const float *sine) {
    for (size_t head = 0; head < heads; head++, x += e, y += e) {
        size_t i = 0;
        for (; i + 8 <= half; i += 8) {
            const wide a = load(x + i), b = load(x + half + i), c = load(cosine + i), s = load(sine + i);
            store(y + i, a * c - b * s);
            store(y + half + i, b * c + a * s);
        }
        for (; i < half; i++) {
            const double a = x[i], b = x[half + i], c = cosine[i], s = sine[i];
            y[i] = (float)(a * c - b * s);
            y[half + i] = (float)(b * c + a * s);
        }
        if (x != y && e > 2 * half) memcpy(y + 2 * half, x + 2 * half, (e - 2 * half) * 4);
    }
}

TARGET static void NAME(softmax)(float *x, size_t n, const uint8_t *mask) {
    const float lowest = -__builtin_inff();
    if (mask) {
        for (size_t i = 0; i < n; i++) x[i] = mask[i] ? x[i] : lowest;
    }
    const size_t body = n / 8 * 8, rest = n - body;
    wide peaks = (wide){} + (double)lowest;
    for (size_t i = 0; i < body; i += 8) peaks = largest(load(x + i), peaks);
    if (rest) peaks = largest(load_part(x + body, rest, lowest), peaks);
    double peak = peaks[0];
    for (int i = 1; i < 8; i++) peak = peaks[i] > peak ? peaks[i] : peak;
    if (peak == (double)lowest && !has_nan(x, n)) {
        memset(x, 0, n * 4);
        return;
    }
    wide sum = {0};
    for (size_t i = 0; i < body; i += 8) {
        const wide score = load(x + i);
        const wide power = choose(score == (double)lowest, (wide){}, exponential(score - peak));
        store(x + i, power);
        sum += power;
    }
    if (rest) {
        const wide score = load_part(x + body, rest, lowest);
        const wide power = choose(score == (double)lowest, (wide){}, exponential(score - peak));
        store_part(x + body, rest, power);
        sum += power;
    }
    const double factor = 1.0 / sum_of(sum);
    for (size_t i = 0; i < body; i += 8) store(x + i, load(x + i) * factor);
    for (size_t i = body; i < n; i++) x[i] = (float)(x[i] * factor);
}

/// Eight scores from the `i`th on, `fill` behind the last.
INLINE wide scores_at(const float *x, size_t i, size_t n, float fill) {
    return n - i < 8 ? load_part(x + i, n - i, fill) : load(x + i);
}

TARGET static void NAME(sum_scores)(const float *x, size_t n, ingot_scores *result) {
    const float lowest = -__builtin_inff();
    wide peaks = (wide){} + (double)lowest;
    whole broken = {0};
    for (size_t i = 0; i < n; i += 8) {
        const wide score = scores_at(x, i, n, x[0]);
        peaks = largest(score, peaks);
        broken |= score - score != 0.0;
    }
    *result = (ingot_scores){.greatest = peaks[0]};
    for (int i = 0; i < 8; i++) {
        result->greatest = peaks[i] > result->greatest ? peaks[i] : result->greatest;
        result->is_broken |= broken[i] != 0;
    }
    // What is minus infinity, or not there, adds e^-708 to a sum of at least 1.
    wide sum = {0};
    for (size_t i = 0; i < n; i += 8) sum += exponential(scores_at(x, i, n, lowest) - result->greatest);
    result->sum = sum_of(sum);
}

TARGET static double NAME(divergence)(const float *x, const float *y, size_t n, double less, double other) {
    const float lowest = -__builtin_inff();
    wide sum = {0};
    for (size_t i = 0; i < n; i += 8) {
        const wide p = scores_at(x, i, n, lowest) - less, q = scores_at(y, i, n, lowest) - other;
        sum += choose(p == (double)lowest, (wide){}, exponential(p) * (p - q));
    }
    return sum_of(sum);
}

TARGET static void NAME(add)(const float *a, const float *b, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

TARGET static void NAME(multiply)(const float *a, const float *b, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = a[i] * b[i];
}

const ingot_row_kernels NAME(ingot_row_kernels) = {
    .activate = NAME(activate),
    .layer_norm = NAME(layer_norm),
    .rms_norm = NAME(rms_norm),
    .rotate = NAME(rotate),
    .softmax = NAME(softmax),
    .softmax_quick = NAME(softmax_quick),
    .sum_scores = NAME(sum_scores),
    .divergence = NAME(divergence),
    .add = NAME(add),
    .multiply = NAME(multiply),
};
