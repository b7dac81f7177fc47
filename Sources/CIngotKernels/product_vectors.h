// SPDX-License-Identifier: Apache-2.0
// What the templates of products share: names of a level, loads of every weight type, and the end of a row. Included
// once an instruction set, behind vectors_….h, with LEVEL (suffix of the names) and TARGET (function attribute) defined.
#include "ingot_product.h"
#include "ingot_rows.h"

#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(base) JOIN(base##_, LEVEL)
#define INLINE static inline __attribute__((always_inline)) TARGET
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

/// The first `count` of LANES numbers from number `i` of a row of a weight `[N, K]` on, with zeros behind; all of Q8_0,
/// whose products of a scale and an integer are exact. Vectors of a block begin at multiples of their size.
INLINE vec load_from_row(const ingot_product *p, size_t row, size_t i, size_t count, const int type) {
    const char *start = weight_at(p, row, i, type);
    if (type != INGOT_WEIGHT_Q8_0) return load_weight_part(start, count, type);
    return half_at((const uint8_t *)start - i % INGOT_Q8_0_NUMBERS - 2) * load_weight(start, INGOT_WEIGHT_I8);
}

// --- Words of panels

typedef uint32_t words __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));

// Bytes of panels that are fetched ahead where reading them is all the work.
#define PANELS_AHEAD 4096

/// Numbers in a word of 32 bits.
INLINE size_t per_word(const int type) {
    return type == INGOT_WEIGHT_WORDS_S8 || type == INGOT_WEIGHT_WORDS_Q8_0 ? 4 : type == INGOT_WEIGHT_WORDS_BF16 ? 2 : 1;
}

INLINE size_t word_count(size_t k, const int type) { return (k + per_word(type) - 1) / per_word(type); }

/// Rows of a panel that have their scales together, a whole chain where there are none.
INLINE size_t run_of(const int type) { return type == INGOT_WEIGHT_WORDS_Q8_0 ? INGOT_Q8_0_NUMBERS : INGOT_CHAIN; }

/// Bytes of a panel.
INLINE size_t panel_bytes(size_t k, const int type) {
    if (type == INGOT_WEIGHT_WORDS_Q8_0) return k / INGOT_Q8_0_NUMBERS * INGOT_Q8_0_BYTES * NR;
    return word_count(k, type) * NR * 4;
}

/// The words of rows `[i, …)` of a panel.
INLINE const char *words_at(const char *panel, size_t i, const int type) {
    if (type != INGOT_WEIGHT_WORDS_Q8_0) return panel + i / per_word(type) * NR * 4;
    const size_t block = i / INGOT_Q8_0_NUMBERS, word = i % INGOT_Q8_0_NUMBERS / 4;
    return panel + (block * INGOT_Q8_0_BYTES + 2 + word * 4) * NR;
}

/// What the numbers of one half of a panel's columns are multiplied with, in the run that begins with row `i`.
INLINE vec scales_at(const char *panel, size_t i, size_t half, const int type) {
    if (type != INGOT_WEIGHT_WORDS_Q8_0) return splat(1);
    return load_f16(panel + i / INGOT_Q8_0_NUMBERS * INGOT_Q8_0_BYTES * NR + half * 2 * LANES);
}

/// Number `i` of each word as a float, times its scale, which is exact; int8 has its sign bit turned in panels.
INLINE vec number_of(words v, const size_t i, vec scale, const int type) {
    if (type == INGOT_WEIGHT_F32) return (vec)v;
    if (type == INGOT_WEIGHT_WORDS_BF16) return (vec)(i == 0 ? v << 16 : v & 0xffff0000u);
    const vec number = __builtin_convertvector((ints)((v ^ 0x80808080u) << (24 - 8 * i)) >> 24, vec);
    return type == INGOT_WEIGHT_WORDS_Q8_0 ? number * scale : number;
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
