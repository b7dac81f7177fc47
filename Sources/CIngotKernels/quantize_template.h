// SPDX-License-Identifier: Apache-2.0
// Symmetric int8 on vectors of sixteen floats. Included once an instruction set with LEVEL (suffix of the names) and
// TARGET (function attribute) defined; all levels sum in the same lanes.
#include "ingot_quantize.h"

#include "quotient_template.h"

#include "half_template.h"

typedef uint32_t magnitudes __attribute__((vector_size(64)));
typedef float half __attribute__((vector_size(32)));
typedef double wide __attribute__((vector_size(64)));
typedef int64_t wide_words __attribute__((vector_size(64)));

INLINE magnitudes larger(magnitudes a, magnitudes b) {
    const magnitudes mask = (magnitudes)(a > b);
    return (mask & a) | (~mask & b);
}

TARGET static uint32_t NAME(peak)(const float *x, size_t n) {
    magnitudes peaks = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        magnitudes v;
        memcpy(&v, x + i, sizeof v);
        peaks = larger(v & 0x7fffffff, peaks);
    }
    uint32_t peak = 0;
    for (int lane = 0; lane < LANES; lane++) peak = peaks[lane] > peak ? peaks[lane] : peak;
    for (; i < n; i++) {
        uint32_t v;
        memcpy(&v, x + i, sizeof v);
        v &= 0x7fffffff;
        peak = v > peak ? v : peak;
    }
    return peak;
}

TARGET static void NAME(peak_columns)(const float *x, size_t n, uint32_t *peaks) {
    for (size_t i = 0; i < n; i++) {
        uint32_t v;
        memcpy(&v, x + i, sizeof v);
        v &= 0x7fffffff;
        peaks[i] = v > peaks[i] ? v : peaks[i];
    }
}

typedef struct {
    wide signal, noise;
    floats largest;
} sums;

INLINE void add(const sums *s, ingot_rounding *rounding) {
    for (int lane = 0; lane < 8; lane++) {
        rounding->signal += s->signal[lane];
        rounding->noise += s->noise[lane];
    }
    for (int lane = 0; lane < LANES; lane++) {
        rounding->largest = s->largest[lane] > rounding->largest ? s->largest[lane] : rounding->largest;
    }
}

INLINE wide lower(floats v) {
    return __builtin_convertvector(
        __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7), wide);
}

INLINE wide upper(floats v) {
    return __builtin_convertvector(
        __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15), wide);
}

/// Adds what sixteen elements cost that became others.
INLINE void measure(floats x, floats value, sums *s) {
    const wide low = lower(x) - lower(value), high = upper(x) - upper(value);
    s->signal += lower(x) * lower(x) + upper(x) * upper(x);
    s->noise += low * low + high * high;
    // Exact (Sterbenz): the two are within a factor of 2, or one is 0. Only a clamped value's is rounded.
    const floats difference = (floats)((words)(x - value) & 0x7fffffff);
    s->largest = choose(difference > s->largest, difference, s->largest);
}

/// Rounds sixteen elements.
INLINE bytes quantize(floats x, floats scale, sums *s) {
    const floats rounded = rounded_quotient(x, scale);
    measure(x, rounded * scale, s);
    return narrowed(rounded);
}

INLINE void quantize_all(const float *x, size_t n, float scale, const float *scales, int8_t *q,
                         ingot_rounding *rounding) {
    sums s = {0};
    const floats same = (floats){} + scale;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const bytes result = quantize(load(x + i), scales ? load(scales + i) : same, &s);
        memcpy(q + i, &result, sizeof result);
    }
    if (i < n) {
        const bytes result = quantize(load_part(x + i, n - i), scales ? load_part(scales + i, n - i) : same, &s);
        memcpy(q + i, &result, n - i);
    }
    add(&s, rounding);
}

TARGET static void NAME(quantize_i8)(const float *x, size_t n, float scale, int8_t *q, ingot_rounding *rounding) {
    quantize_all(x, n, scale, NULL, q, rounding);
}

TARGET static void NAME(quantize_i8_columns)(const float *x, size_t n, const float *scales, int8_t *q,
                                            ingot_rounding *rounding) {
    quantize_all(x, n, 0, scales, q, rounding);
}

/// Counts what `quantize` clamps in sixteen elements; the tie at 127.5 goes to the even 128.
INLINE magnitudes beyond(floats x, floats scale) {
    const floats t = divided(x, scale);
    return -(magnitudes)((scale > 0.0f) & ((floats)((words)t & 0x7fffffff) >= 127.5f));
}

INLINE uint64_t clipped_all(const float *x, size_t n, float scale, const float *scales) {
    // A lane of 32 bits holds what a call can be handed of memory.
    magnitudes count = {0};
    const floats same = (floats){} + scale;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) count += beyond(load(x + i), scales ? load(scales + i) : same);
    if (i < n) count += beyond(load_part(x + i, n - i), scales ? load_part(scales + i, n - i) : same);
    uint64_t total = 0;
    for (int lane = 0; lane < LANES; lane++) total += count[lane];
    return total;
}

TARGET static uint64_t NAME(clipped)(const float *x, size_t n, float scale) {
    // Most runs have none, which their peak tells: dividing keeps the order of numbers.
    const uint32_t bits = NAME(peak)(x, n);
    float peak;
    memcpy(&peak, &bits, 4);
    if (!(scale > 0) || peak / scale < 127.5f) return 0;
    return clipped_all(x, n, scale, NULL);
}

TARGET static uint64_t NAME(clipped_columns)(const float *x, size_t n, const float *scales) {
    return clipped_all(x, n, 0, scales);
}

/// A positive scale, rounded to the type that it is stored as; infinity beyond its range.
INLINE float stored_scale(float scale, int type) {
    uint32_t bits;
    if (type == INGOT_SCALE_F16) {
        const uint16_t half = half_of(scale);
        return half_at((const uint8_t *)&half);
    }
    memcpy(&bits, &scale, 4);
    if (type == INGOT_SCALE_BF16) bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&scale, &bits, 4);
    return scale;
}

/// A power of two that brings a peak near 1, so that no square of it or of its scales is lost.
INLINE float lift_of(uint32_t peak) {
    const uint32_t exponent = peak >> 23, lift = exponent < 253 ? 254 - exponent : 1, bits = lift << 23;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/// Adds what a number of some weight costs by each of sixteen scales, of which `inverse` is 1 over.
INLINE floats add_cost(floats cost, float number, float weight, floats scale, floats inverse) {
    const floats x = (floats){} + number;
    // What is no number, of a scale of 0, becomes one.
    const floats difference = x - nearest(x * inverse) * scale;
    return cost + difference * difference * weight;
}

TARGET static void NAME(fit_scales)(const float *x, const float *weights, size_t runs, size_t size, int type,
                                    float *scales) {
    enum { PARTS = INGOT_FITTED_SCALES / LANES };
    for (size_t run = 0; run < runs; run++, x += size) {
        const uint32_t bits = NAME(peak)(x, size);
        const float lift = lift_of(bits);
        float peak, candidates[INGOT_FITTED_SCALES], costs[INGOT_FITTED_SCALES];
        memcpy(&peak, &bits, 4);
        floats scale[PARTS], inverse[PARTS], cost[PARTS] = {{0}};
        for (int i = 0; i < INGOT_FITTED_SCALES; i++) {
            candidates[i] = stored_scale(peak / (float)(INGOT_FIRST_DIVISOR + i), type);
        }
        memcpy(scale, candidates, sizeof scale);
        for (int part = 0; part < PARTS; part++) {
            scale[part] *= lift;
            inverse[part] = 1.0f / scale[part];
        }
        for (size_t i = 0; i < size; i++) {
            const float number = x[i] * lift, weight = weights ? weights[run * size + i] : 1;
            for (int part = 0; part < PARTS; part++) {
                cost[part] = add_cost(cost[part], number, weight, scale[part], inverse[part]);
            }
        }
        memcpy(costs, cost, sizeof costs);
        scales[run] = stored_scale(peak / 127, type);
        float least = __builtin_inff();
        for (int i = 0; i < INGOT_FITTED_SCALES; i++) {
            if (costs[i] < least) {
                least = costs[i];
                scales[run] = candidates[i];
            }
        }
    }
}

/// The largest of sixteen magnitudes.
INLINE uint32_t largest_of(magnitudes v) {
    v = larger(v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    v = larger(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
    v = larger(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
    v = larger(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
    return v[0];
}

/// Rounds sixteen elements of a block, half away from zero.
INLINE bytes quantize_away(floats x, float inverse, float scale, sums *s) {
    const floats quotient = x * inverse;
    const floats magnitude = (floats)((words)quotient & 0x7fffffff);
    // Cutting is exact, and so is what is left.
    const words whole = __builtin_convertvector(magnitude, words);
    const words rounded = whole - (magnitude - __builtin_convertvector(whole, floats) >= 0.5f);
    const words sign = (words)quotient >> 31, q = (rounded ^ sign) - sign;
    measure(x, __builtin_convertvector(q, floats) * scale, s);
    return __builtin_convertvector(q, bytes);
}

TARGET static ingot_block_faults NAME(encode_q8_0)(const void *restrict from, uint8_t *restrict y, size_t n,
                                                  ingot_rounding *rounding) {
    const char *restrict p = from;
    sums s = {0};
    ingot_block_faults faults = {0, 0};
    for (size_t block = 0; block < n; block++, p += 128, y += 34) {
        floats x[2];
        memcpy(x, p, sizeof x);
        const uint32_t peak = largest_of(larger((magnitudes)x[0] & 0x7fffffff, (magnitudes)x[1] & 0x7fffffff));
        if (peak >= 0x7f800000) {
            faults.not_finite++;
            memset(y, 0, 34);
            continue;
        }
        float largest;
        memcpy(&largest, &peak, 4);
        // Where 1 / d overflows, values are all zeros, as their scale in half precision is.
        const float d = largest / 127, inverse = d > 0x1p-128f ? 1 / d : 0;
        const uint16_t scale = half_of(d);
        faults.overflows += scale == 0x7c00;
        y[0] = (uint8_t)scale;
        y[1] = (uint8_t)(scale >> 8);
        const float factor = half_at(y);
        for (size_t part = 0; part < 2; part++) {
            const bytes q = quantize_away(x[part], inverse, factor, &s);
            memcpy(y + 2 + part * LANES, &q, sizeof q);
        }
    }
    add(&s, rounding);
    return faults;
}

const ingot_quantize_kernels NAME(ingot_quantize_kernels) = {
    .peak = NAME(peak),
    .peak_columns = NAME(peak_columns),
    .quantize_i8 = NAME(quantize_i8),
    .quantize_i8_columns = NAME(quantize_i8_columns),
    .clipped = NAME(clipped),
    .clipped_columns = NAME(clipped_columns),
    .fit_scales = NAME(fit_scales),
    .encode_q8_0 = NAME(encode_q8_0),
};
