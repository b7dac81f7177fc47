// SPDX-License-Identifier: Apache-2.0
// Operators that work on one row or one element at a time. Inside, sums and functions are taken in double precision
// where that is cheap, so that each result is off by little more than its last rounding.
#ifndef INGOT_ROWS_H
#define INGOT_ROWS_H

#include "ingot_levels.h"

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Activations, as transformers' `ACT2FN` names them.
enum {
    INGOT_ACTIVATION_GELU = 0,       // x Φ(x), by erf
    INGOT_ACTIVATION_GELU_TANH = 1,  // ½x (1 + tanh(√(2/π) (x + 0.044715 x³)))
    INGOT_ACTIVATION_GELU_FAST = 2,  // the same with √(2/π) as 0.7978845608
    INGOT_ACTIVATION_QUICK_GELU = 3, // x σ(1.702 x)
    INGOT_ACTIVATION_RELU = 4,       // max(x, 0)
    INGOT_ACTIVATION_SILU = 5,       // x σ(x)
    INGOT_ACTIVATION_TANH = 6,
    INGOT_ACTIVATION_SIGMOID = 7,
    INGOT_ACTIVATION_MISH = 8,       // x tanh(log(1 + eˣ))
    INGOT_ACTIVATION_LAPLACE = 9,    // ½ (1 + erf((x − 0.707107) / (0.282095 √2)))
    INGOT_ACTIVATION_RELU_SQUARED = 10,
    INGOT_ACTIVATION_RELU6 = 11,     // min(max(x, 0), 6)
    // Added to one of them: in single precision where that is faster, off by at most 2^-21 of x. For products whose
    // operands are rounded to far fewer bits.
    INGOT_ACTIVATION_QUICK = 256,
};

/// What a row of scores comes to.
typedef struct {
    /// The largest score; a NaN is passed over.
    double greatest;
    /// Σ e^(x − greatest), by powers to 1e-14, relative; NaN where a score is NaN or +∞, or all are −∞.
    double sum;
    /// Whether a score is NaN or infinite.
    int is_broken;
} ingot_scores;

/// One level's operators.
typedef struct INGOT_SENDABLE {
    /// y[i] = f(x[i]) for n elements; y may be x. `kind` is one of INGOT_ACTIVATION_….
    void INGOT_KERNEL(activate)(const float *x, float *y, size_t n, int kind);
    /// x, y: [rows, D], may be the same; gain, bias: [D]; y = (x − mean) / √(variance + epsilon) · gain + bias.
    void INGOT_KERNEL(layer_norm)(const float *x, float *y, size_t rows, size_t d, const float *gain, const float *bias,
                                  double epsilon);
    /// x, y: [rows, D], may be the same; gain: [D]; y = x / √(mean of x² + epsilon) · (gain + offset).
    void INGOT_KERNEL(rms_norm)(const float *x, float *y, size_t rows, size_t d, const float *gain, double offset,
                                double epsilon);
    /// x, y: [heads, E], may be the same; of each head the first 2 · half numbers a, b (half of each) become
    /// a cos − b sin, b cos + a sin, and the rest stays; cosine, sine: [half].
    void INGOT_KERNEL(rotate)(const float *x, float *y, size_t heads, size_t e, size_t half, const float *cosine,
                              const float *sine);
    /// x: [N], in place: e^(x − max) / Σ; where mask (NULL or [N]) is 0 the result is 0; all 0 when none is left.
    void INGOT_KERNEL(softmax)(float *x, size_t n, const uint8_t *_Nullable mask);
    /// The same in single precision, each share off by at most 2^-21 + |x - max| 2^-23 of itself.
    void INGOT_KERNEL(softmax_quick)(float *x, size_t n, const uint8_t *_Nullable mask);
    /// x: [N], at least one.
    void INGOT_KERNEL(sum_scores)(const float *x, size_t n, ingot_scores *result);
    /// x, y: [N], less = log Σ e^x and other = log Σ e^y; the result is Σ p (log p − log q) with log p = x − less and
    /// log q = y − other. What p rules out, x = −∞, counts nothing.
    double INGOT_KERNEL(divergence)(const float *x, const float *y, size_t n, double less, double other);
    /// y = a + b for n elements; y may be either.
    void INGOT_KERNEL(add)(const float *a, const float *b, float *y, size_t n);
    /// y = a · b for n elements; y may be either.
    void INGOT_KERNEL(multiply)(const float *a, const float *b, float *y, size_t n);
} ingot_row_kernels;

INGOT_LEVELS(ingot_row_kernels, avx512)

#pragma clang assume_nonnull end
#endif
