// SPDX-License-Identifier: Apache-2.0
// What the templates of products share: names of a level, loads of every weight type, and the end of a row. Included
// once an instruction set, behind vectors_….h, with LEVEL (suffix of the names) and TARGET (function attribute) defined.
#include "ingot_product.h"
#include "ingot_rows.h"

#include "level_names.h"

#include <string.h>

#define UNROLL _Pragma("clang loop unroll(full)")
#define NR (2 * LANES)

#pragma clang fp contract(fast)

// What is defined, or listed, for every number of rows of a tile.
#if MR == 4
#define EACH_ROW_COUNT(X, ...) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__) X(4, __VA_ARGS__)
#elif MR == 6
#define EACH_ROW_COUNT(X, ...)                                                                                        \
    X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__) X(4, __VA_ARGS__) X(5, __VA_ARGS__) X(6, __VA_ARGS__)
#else
#define EACH_ROW_COUNT(X, ...)                                                                                        \
    X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__) X(4, __VA_ARGS__) X(5, __VA_ARGS__) X(6, __VA_ARGS__)       \
    X(7, __VA_ARGS__) X(8, __VA_ARGS__) X(9, __VA_ARGS__) X(10, __VA_ARGS__) X(11, __VA_ARGS__)                       \
    X(12, __VA_ARGS__) X(13, __VA_ARGS__) X(14, __VA_ARGS__)
#endif

#define LISTED(rows, name) NAME(name##_##rows),

INLINE vec load(const float *p) {
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, vec v) { memcpy(p, &v, sizeof v); }

INLINE vec splat(float x) { return x - (vec){0}; }

INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

/// Bytes of a plain number.
INLINE size_t width_of(const int type) { return type == INGOT_WEIGHT_F32 ? 4 : type == INGOT_WEIGHT_I8 ? 1 : 2; }

// --- Weights

/// LANES elements of a weight at `p` as floats.
INLINE vec load_weight(const char *p, const int type) {
    if (type == INGOT_WEIGHT_F32) return load((const float *)p);
    if (type == INGOT_WEIGHT_F16) return load_f16(p);
    if (type == INGOT_WEIGHT_BF16) {
        typedef uint16_t halves __attribute__((vector_size(2 * LANES)));
        typedef uint32_t words __attribute__((vector_size(4 * LANES)));
        halves h;
        memcpy(&h, p, sizeof h);
        return (vec)(__builtin_convertvector(h, words) << 16);
    }
    typedef int8_t bytes __attribute__((vector_size(LANES)));
    bytes b;
    memcpy(&b, p, sizeof b);
    return __builtin_convertvector(b, vec);
}

/// The first `count` of LANES elements; zero bytes, which are zero in every type, for the others.
INLINE vec load_weight_part(const char *p, size_t count, const int type) {
    if (count >= LANES) return load_weight(p, type);
    char padded[4 * LANES] = {0};
    memcpy(padded, p, count * width_of(type));
    return load_weight(padded, type);
}

#include "half_template.h"

/// Where numbers `[i, …)` of a row of a weight `[N, K]` stand; of Q8_0 those of one block.
INLINE const char *weight_at(const ingot_product *p, size_t row, size_t i, const int type) {
    const char *w = (const char *)p->w;
    const size_t number = row * p->w_stride + i;
    if (type != INGOT_WEIGHT_Q8_0) return w + number * width_of(type);
    return w + number / INGOT_Q8_0_NUMBERS * INGOT_Q8_0_BYTES + 2 + i % INGOT_Q8_0_NUMBERS;
}

/// A number of a scale's type.
INLINE float scale_at(const char *p, int type) {
    uint32_t bits = 0;
    float value;
    if (type == INGOT_WEIGHT_F16) return half_at((const uint8_t *)p);
    memcpy(&bits, p, type == INGOT_WEIGHT_F32 ? 4 : 2);
    if (type == INGOT_WEIGHT_BF16) bits <<= 16;
    memcpy(&value, &bits, 4);
    return value;
}

/// What number `i` of a row of int8 or Q8_0 `[N, K]`, and those of its run, are multiplied with; 1 where there is nothing.
INLINE float scale_of_row(const ingot_product *p, size_t row, size_t i, const int type) {
    if (type == INGOT_WEIGHT_Q8_0) {
        return half_at((const uint8_t *)weight_at(p, row, i - i % INGOT_Q8_0_NUMBERS, type) - 2);
    }
    if (type != INGOT_WEIGHT_I8 || !p->runs.scales) return 1;
    const size_t index = row * p->runs.stride + i / p->runs.size;
    return scale_at((const char *)p->runs.scales + index * width_of(p->runs.type), p->runs.type);
}

/// The first `count` of LANES numbers from number `i` of a row of a weight `[N, K]` on, times their scales, with zeros behind.
/// `i` is a multiple of LANES, which are within a run. An int8 times a scale of half precision or bf16 is exact.
INLINE vec load_from_row(const ingot_product *p, size_t row, size_t i, size_t count, const int type) {
    const char *start = weight_at(p, row, i, type);
    if (type == INGOT_WEIGHT_Q8_0) return scale_of_row(p, row, i, type) * load_weight(start, INGOT_WEIGHT_I8);
    const vec numbers = load_weight_part(start, count, type);
    return type == INGOT_WEIGHT_I8 && p->runs.scales ? scale_of_row(p, row, i, type) * numbers : numbers;
}

/// `numbers` of columns `[column, column + count)` of row `i` of a weight `[K, N]`, times their scales.
INLINE vec scaled_column_numbers(const ingot_product *p, size_t i, size_t column, size_t count, vec numbers, const int type) {
    if (type != INGOT_WEIGHT_I8 || !p->runs.scales) return numbers;
    const size_t index = i / p->runs.size * p->runs.stride + column;
    const char *scales = (const char *)p->runs.scales + index * width_of(p->runs.type);
    return numbers * load_weight_part(scales, count, p->runs.type);
}

// --- Words of panels

typedef uint32_t words __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));

// Bytes of panels that are fetched ahead where reading them is all the work.
#define PANELS_AHEAD 4096

/// Numbers in a word of 32 bits.
INLINE size_t per_word(const int type) {
    return type == INGOT_WEIGHT_WORDS_S8 ? 4 : type == INGOT_WEIGHT_WORDS_BF16 ? 2 : 1;
}

INLINE size_t word_count(size_t k, const int type) { return (k + per_word(type) - 1) / per_word(type); }

/// The scales of a panel's runs, `[⌈K / size⌉, NR]`; NULL for none.
INLINE const char *runs_of_panel(const ingot_product *p, size_t panel) {
    if (!p->runs.scales) return NULL;
    const size_t count = (p->k + p->runs.size - 1) / p->runs.size;
    return (const char *)p->runs.scales + panel * count * NR * width_of(p->runs.type);
}

/// Number `i` of each word as a float; int8 has its sign bit turned in panels.
INLINE vec number_of(words v, const size_t i, const int type) {
    if (type == INGOT_WEIGHT_F32) return (vec)v;
    if (type == INGOT_WEIGHT_WORDS_BF16) return (vec)(i == 0 ? v << 16 : v & 0xffff0000u);
    return __builtin_convertvector((ints)((v ^ 0x80808080u) << (24 - 8 * i)) >> 24, vec);
}

// --- The end of a row

INLINE vec load_part(const float *p, size_t count) { return load_weight_part((const char *)p, count, INGOT_WEIGHT_F32); }

INLINE void store_part(float *p, size_t count, vec v) {
    if (count >= LANES) {
        store(p, v);
    } else {
        memcpy(p, &v, count * 4);
    }
}

/// Fetches what `finish_row` will write, and add to, while a tile is computed.
INLINE void fetch_rows(const ingot_product_end *p, size_t row, size_t rows, size_t column) {
    for (size_t r = row; r < row + rows; r++) {
        const char *y = (const char *)(p->y + r * p->y_stride + column);
        // Rows may begin anywhere in a cache line: the last line too.
        for (size_t byte = 0; byte < NR * 4; byte += 64) __builtin_prefetch(y + byte, 1);
        __builtin_prefetch(y + NR * 4 - 1, 1);
        if (p->residual && p->residual != p->y) __builtin_prefetch(p->residual + r * p->y_stride + column);
    }
}

/// LANES sums of columns from `column` on, scaled and with their bias. Of those `count` are in the matrix.
INLINE vec scaled_sums(const ingot_product_end *p, size_t column, size_t count, const float *sums) {
    vec v = load(sums);
    if (p->scale) v *= p->scale_step ? load_part(p->scale + column, count) : splat(p->scale[0]);
    if (p->bias) v += load_part(p->bias + column, count);
    return v;
}

/// Scales the sums of columns `[column, column + count)` of one row, at most NR, adds bias, applies the activation, adds
/// the residual, and writes them to y. `sums` has NR elements.
INLINE void finish_row(const ingot_product_end *p, size_t row, size_t column, size_t count, const float *sums) {
    float *y = p->y + row * p->y_stride + column;
    const float *residual = p->residual ? p->residual + row * p->y_stride + column : NULL;
    float values[NR];
    if (count == NR) {
        UNROLL for (size_t j = 0; j < NR; j += LANES) store(values + j, scaled_sums(p, column + j, LANES, sums + j));
    } else {
        for (size_t j = 0; j < count; j += LANES) store(values + j, scaled_sums(p, column + j, count - j, sums + j));
    }
    if (p->activation >= 0) NAME(ingot_row_kernels).activate(values, values, count, p->activation);
    if (count == NR) {
        UNROLL for (size_t j = 0; j < NR; j += LANES) {
            store(y + j, residual ? load(residual + j) + load(values + j) : load(values + j));
        }
        return;
    }
    for (size_t j = 0; j < count; j += LANES) {
        const size_t rest = count - j;
        store_part(y + j, rest, residual ? load_part(residual + j, rest) + load(values + j) : load(values + j));
    }
}
