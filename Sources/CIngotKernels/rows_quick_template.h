// SPDX-License-Identifier: Apache-2.0
// Activations and softmax in single precision, sixteen at a time: included by rows_template.h. For runs whose products are
// in bf16 or int8, where the double precision of the others would cost a tenth of the time and show in no bit.

typedef float quick __attribute__((vector_size(64)));
typedef int32_t quick_bits __attribute__((vector_size(64)));

INLINE quick load_quick(const float *p) {
    quick v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE quick choose_quick(quick_bits mask, quick yes, quick no) {
    return (quick)((mask & (quick_bits)yes) | (~mask & (quick_bits)no));
}

/// eˣ to 2^-22, relative, for x from -87 to 88; less is taken as -87, more as 88. NaN stays NaN. The polynomial is that of
/// Moshier's Cephes, expf.
INLINE quick exponential_quickly(quick x) {
    const quick low = choose_quick(x < -87.0f, (quick){} - 87.0f, x), bounded = choose_quick(low > 88.0f, (quick){} + 88.0f, low);
    const float shifter = 0x1.8p23f;
    const quick shifted = bounded * 0x1.715476p0f + shifter, n = shifted - shifter;
    const quick r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
    quick p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return p * (quick)(((quick_bits)shifted << 23) + (127 << 23));
}

INLINE quick sigmoid_quickly(quick x) { return 1.0f / (1.0f + exponential_quickly(-x)); }

INLINE quick activation_quickly(quick x, const int kind) {
    const float factor = kind == INGOT_ACTIVATION_GELU_TANH ? 0x1.988454p0f : 2 * 0.7978845608f;
    switch (kind) {
    case INGOT_ACTIVATION_GELU_TANH:
    case INGOT_ACTIVATION_GELU_FAST: return x * sigmoid_quickly(factor * (x + 0.044715f * x * x * x));
    case INGOT_ACTIVATION_QUICK_GELU: return x * sigmoid_quickly(1.702f * x);
    default: return x * sigmoid_quickly(x);
    }
}

INLINE void activate_all_quickly(const float *x, float *y, size_t n, const int kind) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const quick v = activation_quickly(load_quick(x + i), kind);
        memcpy(y + i, &v, sizeof v);
    }
    if (i == n) return;
    float padded[16] = {0};
    memcpy(padded, x + i, (n - i) * sizeof *x);
    const quick v = activation_quickly(load_quick(padded), kind);
    memcpy(y + i, &v, (n - i) * sizeof *y);
}

/// Whether there is a quick form of an activation; then it has been applied.
INLINE int activate_quickly(const float *x, float *y, size_t n, int kind) {
    switch (kind) {
    case INGOT_ACTIVATION_GELU_TANH: activate_all_quickly(x, y, n, INGOT_ACTIVATION_GELU_TANH); return 1;
    case INGOT_ACTIVATION_GELU_FAST: activate_all_quickly(x, y, n, INGOT_ACTIVATION_GELU_FAST); return 1;
    case INGOT_ACTIVATION_QUICK_GELU: activate_all_quickly(x, y, n, INGOT_ACTIVATION_QUICK_GELU); return 1;
    case INGOT_ACTIVATION_SILU: activate_all_quickly(x, y, n, INGOT_ACTIVATION_SILU); return 1;
    default: return 0;
    }
}

TARGET static void NAME(softmax_quick)(float *x, size_t n, const uint8_t *mask) {
    const float lowest = -__builtin_inff();
    if (mask) {
        for (size_t i = 0; i < n; i++) x[i] = mask[i] ? x[i] : lowest;
    }
    const size_t body = n / 16 * 16;
    quick peaks = (quick){} + lowest;
    for (size_t i = 0; i < body; i += 16) {
        const quick v = load_quick(x + i);
        peaks = choose_quick(v > peaks, v, peaks);
    }
    float peak = lowest;
    for (size_t i = 0; i < 16; i++) peak = peaks[i] > peak ? peaks[i] : peak;
    for (size_t i = body; i < n; i++) peak = x[i] > peak ? x[i] : peak;
    // A NaN is passed over here, and is found in the sum.
    if (peak == lowest && !has_nan(x, n)) {
        memset(x, 0, n * sizeof *x);
        return;
    }
    quick sums = {0};
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        quick v = (quick){} + lowest;
        if (count == 16) {
            v = load_quick(x + i);
        } else {
            memcpy(&v, x + i, count * sizeof *x);
        }
        v -= peak;
        v = choose_quick(v < -87.0f, (quick){}, exponential_quickly(v));
        memcpy(x + i, &v, count * sizeof *x);
        sums += v;
    }
    double sum = 0;
    for (size_t i = 0; i < 16; i++) sum += (double)sums[i];
    const float factor = (float)(1.0 / sum);
    for (size_t i = 0; i < n; i++) x[i] *= factor;
}
