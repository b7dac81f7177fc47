// SPDX-License-Identifier: Apache-2.0
// Products of bf16 and of int8 by words of 32 bits, two or four numbers each. Included once an instruction set, as
// product_template.h is, with DOT_BF16 and DOT_S8 defined where the processor has them.
#include "ingot_narrow.h"
#include "product_vectors.h"

#ifdef DOT_BF16
#define IS_NATIVE 1
#else
#define IS_NATIVE 0
/// `sum` + the two products of `x` with each word of `w`.
INLINE vec dot_bf16(vec sum, uint32_t x, words w) {
    float low, high;
    const uint32_t low_bits = x << 16, high_bits = x & 0xffff0000u;
    memcpy(&low, &low_bits, 4);
    memcpy(&high, &high_bits, 4);
    return high * (vec)(w & 0xffff0000u) + (low * (vec)(w << 16) + sum);
}
#define DOT_BF16 dot_bf16
#endif

#ifndef DOT_S8
/// `sum` + the four products of the signed `x` with each unsigned word of `w`.
INLINE ints dot_s8(ints sum, uint32_t x, words w) {
    UNROLL for (int byte = 0; byte < 4; byte++) sum += (int32_t)(int8_t)(x >> 8 * byte) * (ints)(w >> 8 * byte & 255);
    return sum;
}
#define DOT_S8 dot_s8
#endif

INLINE words load_words(const void *p) {
    words v;
    memcpy(&v, p, sizeof v);
    return v;
}

/// Floats as bf16 in the upper halves of words, rounded to nearest even; NaN stays NaN.
INLINE words rounded(vec x) {
    const words bits = (words)x, nearest = bits + 0x7fff + (bits >> 16 & 1);
    const words is_nan = (words)(x != x);
    return (nearest & ~is_nan) | ((bits | 0x00400000) & is_nan);
}

// --- Rows

/// LANES words of two vectors of numbers, as bf16.
INLINE words words_of_two(vec low, vec high) { return (words)UPPER_HALVES(rounded(low), rounded(high)); }

/// LANES words of the `count` numbers from `p` on, at least 1, as bf16, with zeros behind.
INLINE words words_of(const float *p, size_t count) {
    return words_of_two(load_part(p, least(LANES, count)), count > LANES ? load_part(p + LANES, count - LANES) : splat(0));
}

TARGET static void NAME(pack_rows_bf16)(const float *x, size_t x_stride, size_t m, size_t k, void *packed) {
    const size_t depth = (k + 1) / 2;
    for (size_t row = 0; row < m; row += MR) {
        const size_t rows = least(MR, m - row);
        uint32_t *block = (uint32_t *)packed + row * depth;
        for (size_t i = 0; i < depth; i += LANES) {
            const size_t count = least(LANES, depth - i);
#if MR <= LANES
            vec turned[LANES];
            UNROLL for (size_t r = 0; r < LANES; r++) {
                const float *start = x + (row + r) * x_stride + 2 * i;
                turned[r] = r < rows ? (vec)words_of(start, k - 2 * i) : splat(0);
            }
            transpose(turned);
            if (count == LANES) {
                UNROLL for (size_t j = 0; j < LANES; j++) store_part((float *)block + (i + j) * MR, MR, turned[j]);
            } else {
                for (size_t j = 0; j < count; j++) memcpy(block + (i + j) * MR, &turned[j], MR * 4);
            }
#else
            for (size_t r = 0; r < rows; r++) {
                const float *start = x + (row + r) * x_stride + 2 * i;
                const words v = words_of(start, k - 2 * i);
                for (size_t j = 0; j < count; j++) block[(i + j) * MR + r] = v[j];
            }
#endif
        }
    }
}

/// The largest magnitude of a row; NaN when there is one. Compared as bits, which have the order of the numbers and NaN
/// above all.
INLINE float absmax(const float *x, size_t k) {
    words peaks = {0};
    for (size_t i = 0; i < k; i += LANES) {
        const words v = (words)load_part(x + i, least(LANES, k - i)) & 0x7fffffff;
        const words above = (words)(v > peaks);
        peaks = (v & above) | (peaks & ~above);
    }
    uint32_t bits = 0;
    for (size_t lane = 0; lane < LANES; lane++) bits = peaks[lane] > bits ? peaks[lane] : bits;
    float peak;
    memcpy(&peak, &bits, 4);
    return peak;
}

/// `x · factor` to the nearest integer, a tie to the even one. Two roundings, as the plain twin has them.
INLINE ints nearest(vec x, float factor) {
#pragma clang fp contract(off)
    const float shifter = 0x1.8p23f;
    const vec shifted = x * factor + shifter;
    return __builtin_convertvector(shifted - shifter, ints);
}

TARGET static void NAME(quantize_rows)(const float *x, size_t x_stride, size_t m, size_t k, void *packed, float *scale,
                                      int32_t *sum) {
    const size_t depth = (k + 3) / 4;
    for (size_t row = 0; row < m; row++) {
        const float *values = x + row * x_stride, peak = absmax(values, k);
        // A row that is not finite becomes zeros with a scale that is none: so are its products.
        const int is_finite = peak < __builtin_inff();
        // 127 over a subnormal number may overflow: such a row is lifted first, which is exact.
        const float lift = peak < 0x1p-96f ? 0x1p64f : 1, factor = peak > 0 && is_finite ? 127 / (peak * lift) : 0;
        uint32_t *block = (uint32_t *)packed + row / MR * depth * MR + row % MR;
        ints total = {0};
        for (size_t i = 0; i < depth; i += LANES / 4) {
            const size_t count = least(LANES, k - 4 * i);
            const ints q = is_finite ? nearest(load_part(values + 4 * i, count) * lift, factor) : (ints){0};
            typedef int8_t bytes __attribute__((vector_size(LANES)));
            const bytes narrow = __builtin_convertvector(q, bytes);
            uint32_t quads[LANES / 4];
            memcpy(quads, &narrow, sizeof quads);
            for (size_t j = 0; 4 * j < count; j++) block[(i + j) * MR] = quads[j];
            total += q;
        }
        int32_t all = 0;
        for (size_t lane = 0; lane < LANES; lane++) all += total[lane];
        sum[row] = all;
        scale[row] = is_finite ? peak / 127 : __builtin_nanf("");
    }
}

// --- Panels

/// The first `count` columns of LANES from `column` on, of row `i` of a weight `[K, N]`, as bf16 in the upper halves.
INLINE words columns_bf16(const ingot_product *p, size_t i, size_t column, size_t count, const int type) {
    const char *row = (const char *)p->w + (i * p->w_stride + column) * width_of(type);
    return rounded(scaled_column_numbers(p, i, column, count, load_weight_part(row, count, type), type));
}

/// Word `i` of columns `[column, column + LANES)`: rows `P · i` and on of a weight `[K, N]`, as bf16.
INLINE words word_in_out_bf16(const ingot_product *p, size_t i, size_t column, const int type) {
    const size_t count = column < p->n ? least(LANES, p->n - column) : 0;
    if (count == 0) return (words){0};
    const words low = columns_bf16(p, 2 * i, column, count, type);
    if (2 * i + 1 >= p->k) return low >> 16;
    return low >> 16 | (columns_bf16(p, 2 * i + 1, column, count, type) & 0xffff0000u);
}

/// LANES words from word `i` of column `column` of a weight `[N, K]`, as bf16.
INLINE words words_out_in_bf16(const ingot_product *p, size_t i, size_t column, const int type) {
    if (column >= p->n || 2 * i >= p->k) return (words){0};
    const size_t count = p->k - 2 * i;
    const vec low = load_from_row(p, column, 2 * i, least(LANES, count), type);
    if (count <= LANES) return words_of_two(low, splat(0));
    return words_of_two(low, load_from_row(p, column, 2 * i + LANES, count - LANES, type));
}

/// The first `count` of 4 · LANES bytes, with zeros behind.
INLINE words load_bytes(const char *p, size_t count) {
    if (count >= 4 * LANES) return load_words(p);
    char padded[4 * LANES] = {0};
    memcpy(padded, p, count);
    return load_words(padded);
}

/// Word `i` of columns `[column, column + LANES)`: four rows of an int8 weight `[K, N]`.
INLINE words word_in_out_s8(const ingot_product *p, size_t i, size_t column) {
    typedef uint8_t bytes __attribute__((vector_size(LANES)));
    const size_t count = column < p->n ? least(LANES, p->n - column) : 0;
    words result = {0};
    UNROLL for (size_t b = 0; b < 4; b++) {
        if (4 * i + b >= p->k) continue;
        const char *row = (const char *)p->w + (4 * i + b) * p->w_stride + column;
        bytes v = {0};
        if (count == LANES) {
            memcpy(&v, row, LANES);
        } else {
            memcpy(&v, row, count);
        }
        result |= __builtin_convertvector(v, words) << 8 * b;
    }
    return result;
}

/// Packs one panel of words, `[depth, NR]`. `by_word` gives a word of LANES columns, `by_column` LANES words of one.
#define PACK_PANEL(depth, by_word, by_column, turn)                                                                   \
    if (!p->w_is_out_in) {                                                                                           \
        for (size_t i = 0; i < depth; i++) {                                                                         \
            for (size_t half = 0; half < NR; half += LANES) {                                                        \
                const words v = (by_word) ^ turn;                                                                    \
                memcpy(panel + i * NR + half, &v, sizeof v);                                                         \
            }                                                                                                        \
        }                                                                                                            \
    } else {                                                                                                         \
        for (size_t half = 0; half < NR; half += LANES) {                                                            \
            for (size_t i = 0; i < depth; i += LANES) {                                                              \
                vec rows[LANES];                                                                                     \
                UNROLL for (size_t c = 0; c < LANES; c++) rows[c] = (vec)((by_column) ^ turn);                       \
                transpose(rows);                                                                                     \
                const size_t count = least(LANES, depth - i);                                                        \
                for (size_t j = 0; j < count; j++) memcpy(panel + (i + j) * NR + half, &rows[j], sizeof rows[j]);    \
            }                                                                                                        \
        }                                                                                                            \
    }

#define PACK_BF16(type, name)                                                                                         \
    TARGET static void NAME(pack_bf16_from_##name)(const ingot_product *p, size_t column, uint32_t *panel) {         \
        const size_t depth = (p->k + 1) / 2;                                                                         \
        PACK_PANEL(depth, word_in_out_bf16(p, i, column + half, type), words_out_in_bf16(p, i, column + half + c, type), \
                   0u)                                                                                               \
    }
PACK_BF16(INGOT_WEIGHT_F32, f32)
PACK_BF16(INGOT_WEIGHT_F16, f16)
PACK_BF16(INGOT_WEIGHT_BF16, bf16)
PACK_BF16(INGOT_WEIGHT_I8, i8)
PACK_BF16(INGOT_WEIGHT_Q8_0, q8_0)

TARGET static void NAME(pack_panels_bf16)(const ingot_product *p, size_t first, size_t end, void *packed) {
    for (size_t i = first; i < end; i++) {
        uint32_t *panel = (uint32_t *)packed + i * ((p->k + 1) / 2) * NR;
        switch (p->w_type) {
        case INGOT_WEIGHT_F32: NAME(pack_bf16_from_f32)(p, i * NR, panel); break;
        case INGOT_WEIGHT_F16: NAME(pack_bf16_from_f16)(p, i * NR, panel); break;
        case INGOT_WEIGHT_BF16: NAME(pack_bf16_from_bf16)(p, i * NR, panel); break;
        case INGOT_WEIGHT_Q8_0: NAME(pack_bf16_from_q8_0)(p, i * NR, panel); break;
        default: NAME(pack_bf16_from_i8)(p, i * NR, panel); break;
        }
    }
}

/// LANES words from word `i` of column `column` of an int8 weight `[N, K]`, or one of blocks.
INLINE words words_out_in_s8(const ingot_product *p, size_t i, size_t column) {
    if (column >= p->n || 4 * i >= p->k) return (words){0};
    if (p->w_type == INGOT_WEIGHT_Q8_0) {
        char numbers[4 * LANES] = {0};
        const size_t count = least(sizeof numbers, p->k - 4 * i), part = least(sizeof numbers, INGOT_Q8_0_NUMBERS);
        for (size_t j = 0; j < count; j += part) {
            memcpy(numbers + j, weight_at(p, column, 4 * i + j, INGOT_WEIGHT_Q8_0), part);
        }
        return load_words(numbers);
    }
    return load_bytes((const char *)p->w + column * p->w_stride + 4 * i, p->k - 4 * i);
}

TARGET static void NAME(pack_panels_s8)(const ingot_product *p, size_t first, size_t end, void *packed) {
    const size_t depth = (p->k + 3) / 4;
    for (size_t index = first; index < end; index++) {
        const size_t column = index * NR;
        uint32_t *panel = (uint32_t *)packed + index * depth * NR;
        PACK_PANEL(depth, word_in_out_s8(p, i, column + half), words_out_in_s8(p, i, column + half + c), 0x80808080u)
    }
}

// --- Tiles

// Rows up to which a product is as fast as its panels can be read.
#define FEW_ROWS 4

/// Fetches what a later step of the same panel, or of the next one, reads.
INLINE void prefetch_step(const uint32_t *panel) {
    UNROLL for (size_t b = 0; b < NR * 4; b += 64) __builtin_prefetch((const char *)panel + PANELS_AHEAD + b, 0, 3);
}

/// `sums` `[rows, NR]` = words of `x` `[depth, MR]` with words of `panel` `[depth, NR]`; bf16 needs no sums nor scales.
INLINE void tile_bf16(const size_t rows, size_t depth, const uint32_t *x, const uint32_t *panel, const int32_t *x_sum,
                      const float *x_scale, float *sums) {
    (void)x_sum, (void)x_scale;
    vec sum[MR][2];
    UNROLL for (size_t r = 0; r < rows; r++) {
        sum[r][0] = splat(0);
        sum[r][1] = splat(0);
    }
    for (size_t i = 0; i < depth; i++) {
        const words low = load_words(panel + i * NR), high = load_words(panel + i * NR + LANES);
        if (rows <= FEW_ROWS) prefetch_step(panel + i * NR);
        UNROLL for (size_t r = 0; r < rows; r++) {
            const uint32_t a = x[i * MR + r];
            sum[r][0] = DOT_BF16(sum[r][0], a, low);
            sum[r][1] = DOT_BF16(sum[r][1], a, high);
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++) {
        store(sums + r * NR, sum[r][0]);
        store(sums + r * NR + LANES, sum[r][1]);
    }
}

/// The same of int8, with exact sums as floats, rounded only from 2^24 on, times what each row was divided by.
INLINE void tile_s8(const size_t rows, size_t depth, const uint32_t *x, const uint32_t *panel, const int32_t *x_sum,
                    const float *x_scale, float *sums) {
    ints sum[MR][2];
    UNROLL for (size_t r = 0; r < rows; r++) {
        sum[r][0] = (ints){0};
        sum[r][1] = (ints){0};
    }
    for (size_t i = 0; i < depth; i++) {
        const words low = load_words(panel + i * NR), high = load_words(panel + i * NR + LANES);
        if (rows <= FEW_ROWS) prefetch_step(panel + i * NR);
        UNROLL for (size_t r = 0; r < rows; r++) {
            const uint32_t a = x[i * MR + r];
            sum[r][0] = DOT_S8(sum[r][0], a, low);
            sum[r][1] = DOT_S8(sum[r][1], a, high);
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++) {
        const int32_t turned = 128 * x_sum[r];
        store(sums + r * NR, __builtin_convertvector(sum[r][0] - turned, vec) * x_scale[r]);
        store(sums + r * NR + LANES, __builtin_convertvector(sum[r][1] - turned, vec) * x_scale[r]);
    }
}

#define NARROW_TILE(rows, name)                                                                                       \
    TARGET static void NAME(name##_##rows)(size_t depth, const uint32_t *x, const uint32_t *panel,                   \
                                           const int32_t *x_sum, const float *x_scale, float *sums) {                \
        name(rows, depth, x, panel, x_sum, x_scale, sums);                                                           \
    }
EACH_ROW_COUNT(NARROW_TILE, tile_bf16)
EACH_ROW_COUNT(NARROW_TILE, tile_s8)

typedef void narrow_tile(size_t depth, const uint32_t *x, const uint32_t *panel, const int32_t *x_sum,
                         const float *x_scale, float *sums);

static narrow_tile *const tiles_bf16[MR + 1] = {0, EACH_ROW_COUNT(LISTED, tile_bf16)};
static narrow_tile *const tiles_s8[MR + 1] = {0, EACH_ROW_COUNT(LISTED, tile_s8)};

/// Columns `[NR · first, NR · end)` of y, all rows of a group of panels before the next: the panels stay in cache.
INLINE void multiply_panels(const ingot_narrow_product *p, size_t first, size_t end, const size_t per_word,
                            narrow_tile *const *tiles) {
    const size_t depth = (p->k + per_word - 1) / per_word;
    const size_t panel_size = (p->panel_depth ? (p->panel_depth + per_word - 1) / per_word : depth) * NR;
    float sums[MR * NR] __attribute__((aligned(64)));
    for (size_t group = first; group < end; group += INGOT_PANEL_GROUP) {
        const size_t panels = least(INGOT_PANEL_GROUP, end - group);
        for (size_t row = 0; row < p->m; row += MR) {
            const size_t rows = least(MR, p->m - row);
            const uint32_t *x = (const uint32_t *)p->x + row * depth;
            for (size_t i = group; i < group + panels; i++) {
                const uint32_t *panel = (const uint32_t *)p->panels + i * panel_size;
                const int32_t *x_sum = p->x_sum ? p->x_sum + row : NULL;
                fetch_rows(&p->end, row, rows, i * NR);
                tiles[rows](depth, x, panel, x_sum, p->x_scale ? p->x_scale + row : NULL, sums);
                const size_t count = least(NR, p->n - i * NR);
                for (size_t r = 0; r < rows; r++) finish_row(&p->end, row + r, i * NR, count, sums + r * NR);
            }
        }
    }
}

TARGET static void NAME(product_bf16)(const ingot_narrow_product *p, size_t first, size_t end) {
    multiply_panels(p, first, end, 2, tiles_bf16);
}

TARGET static void NAME(product_s8)(const ingot_narrow_product *p, size_t first, size_t end) {
    multiply_panels(p, first, end, 4, tiles_s8);
}

const ingot_narrow_kernels NAME(ingot_narrow_kernels) = {
    .row_block = MR,
    .panel_width = NR,
    .is_native = IS_NATIVE,
    .pack_rows_bf16 = NAME(pack_rows_bf16),
    .pack_panels_bf16 = NAME(pack_panels_bf16),
    .product_bf16 = NAME(product_bf16),
    .quantize_rows = NAME(quantize_rows),
    .pack_panels_s8 = NAME(pack_panels_s8),
    .product_s8 = NAME(product_s8),
};
