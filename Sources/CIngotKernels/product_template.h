// SPDX-License-Identifier: Apache-2.0
// Matrix products with vector types. Included once an instruction set with LEVEL (suffix of the names), TARGET
// (function attribute), LANES (floats a vector), MR (rows of a tile) and `transpose` (LANES vectors) defined.
// A tile of MR x 2 vectors stays in registers; that needs every loop over it unrolled, the initializing one too.
#include "ingot_product.h"

#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(base) JOIN(base##_, LEVEL)
#define INLINE static inline __attribute__((always_inline)) TARGET
#define UNROLL _Pragma("clang loop unroll(full)")
#define NR (2 * LANES)
// Rows of a [K, N] weight fetched ahead while packing: far enough for memory, near enough for the TLB.
#define PREFETCH_ROWS 8

#pragma clang fp contract(fast)

INLINE vec load(const float *p) {
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, vec v) { memcpy(p, &v, sizeof v); }

INLINE vec splat(float x) { return x - (vec){0}; }

INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

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

/// Packs columns `[column, column + NR · panels)` of a weight `[K, N]`, row by row, to `packed`, `[panels, K, NR]`,
/// with zeros beyond N.
INLINE void pack_in_out(const ingot_product *p, size_t column, size_t panels, float *packed, const int type) {
    const size_t width = width_of(type), count = least(panels * NR, p->n - column), whole = count / LANES * LANES;
    for (size_t k = 0; k < p->k; k++) {
        const char *row = (const char *)p->w + (k * p->w_stride + column) * width;
        for (size_t ahead = 0; ahead < count * width; ahead += 64) {
            __builtin_prefetch(row + PREFETCH_ROWS * p->w_stride * width + ahead);
        }
        for (size_t j = 0; j < panels * NR; j += LANES) {
            vec v = splat(0);
            if (j < whole) {
                v = load_weight(row + j * width, type);
            } else if (j < count) {
                v = load_weight_part(row + j * width, count - j, type);
            }
            store(packed + (j / NR * p->k + k) * NR + j % NR, v);
        }
    }
}

/// Packs columns `[column, column + NR)` of a weight `[N, K]` to `panel`, `[K, NR]`, with zeros beyond N.
INLINE void pack_out_in(const ingot_product *p, size_t column, float *panel, const int type) {
    const size_t width = width_of(type), count = least(NR, p->n - column);
    for (size_t group = 0; group < NR; group += LANES) {
        for (size_t k = 0; k < p->k; k += LANES) {
            const size_t length = least(LANES, p->k - k);
            vec rows[LANES];
            UNROLL for (size_t i = 0; i < LANES; i++) {
                const char *row = (const char *)p->w + ((column + group + i) * p->w_stride + k) * width;
                rows[i] = group + i < count ? load_weight_part(row, length, type) : splat(0);
            }
            transpose(rows);
            if (length == LANES) {
                UNROLL for (size_t i = 0; i < LANES; i++) store(panel + (k + i) * NR + group, rows[i]);
            } else {
                for (size_t i = 0; i < length; i++) store(panel + (k + i) * NR + group, rows[i]);
            }
        }
    }
}

#define PACK(type, name)                                                                                              \
    TARGET static void NAME(pack_##name)(const ingot_product *p, size_t column, size_t panels, float *packed) {      \
        if (!p->w_is_out_in) {                                                                                       \
            pack_in_out(p, column, panels, packed, type);                                                            \
            return;                                                                                                  \
        }                                                                                                            \
        for (size_t i = 0; i < panels; i++) pack_out_in(p, column + i * NR, packed + i * p->k * NR, type);           \
    }
PACK(INGOT_WEIGHT_F32, f32)
PACK(INGOT_WEIGHT_F16, f16)
PACK(INGOT_WEIGHT_BF16, bf16)
PACK(INGOT_WEIGHT_I8, i8)

TARGET static void pack_panels(const ingot_product *p, size_t column, size_t panels, float *packed) {
    switch (p->w_type) {
    case INGOT_WEIGHT_F32: NAME(pack_f32)(p, column, panels, packed); break;
    case INGOT_WEIGHT_F16: NAME(pack_f16)(p, column, panels, packed); break;
    case INGOT_WEIGHT_BF16: NAME(pack_bf16)(p, column, panels, packed); break;
    default: NAME(pack_i8)(p, column, panels, packed); break;
    }
}

// --- Tiles

/// `tile` `[rows, NR]` = `x` `[K, MR]` (transposed) times `panel` `[K, NR]`.
INLINE void multiply_tile(const size_t rows, size_t k, const float *x, const float *panel, float *tile) {
    for (size_t start = 0; start < k; start += INGOT_CHAIN) {
        const size_t end = least(k, start + INGOT_CHAIN);
        vec sum[MR][2];
        UNROLL for (size_t r = 0; r < rows; r++) {
            sum[r][0] = splat(0);
            sum[r][1] = splat(0);
        }
        for (size_t i = start; i < end; i++) {
            const vec low = load(panel + i * NR), high = load(panel + i * NR + LANES);
            UNROLL for (size_t r = 0; r < rows; r++) {
                const vec a = splat(x[i * MR + r]);
                sum[r][0] = a * low + sum[r][0];
                sum[r][1] = a * high + sum[r][1];
            }
        }
        UNROLL for (size_t r = 0; r < rows; r++) {
            store(tile + r * NR, start ? load(tile + r * NR) + sum[r][0] : sum[r][0]);
            store(tile + r * NR + LANES, start ? load(tile + r * NR + LANES) + sum[r][1] : sum[r][1]);
        }
    }
}

#define TILE(rows)                                                                                                    \
    TARGET static void NAME(tile_##rows)(size_t k, const float *x, const float *panel, float *tile) {                \
        multiply_tile(rows, k, x, panel, tile);                                                                      \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
#if MR > 4
TILE(5)
TILE(6)
#endif
#if MR > 6
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
TILE(13)
TILE(14)
#endif

typedef void tile_kernel(size_t k, const float *x, const float *panel, float *tile);

static tile_kernel *const tile_kernels[MR + 1] = {
    0,        NAME(tile_1), NAME(tile_2), NAME(tile_3), NAME(tile_4),
#if MR > 4
    NAME(tile_5), NAME(tile_6),
#endif
#if MR > 6
    NAME(tile_7), NAME(tile_8), NAME(tile_9), NAME(tile_10), NAME(tile_11), NAME(tile_12), NAME(tile_13), NAME(tile_14),
#endif
};

/// Scales the sum of a column and adds its bias.
INLINE float finished(const ingot_product *p, size_t column, float sum) {
    if (p->scale) sum *= p->scale[column * p->scale_step];
    return p->bias ? sum + p->bias[column] : sum;
}

/// Writes a tile to rows `[row, row + rows)` and columns `[column, column + NR)` of y.
TARGET static void finish_tile(const ingot_product *p, size_t row, size_t rows, size_t column, const float *tile) {
    const size_t count = least(NR, p->n - column);
    float scale[NR], bias[NR];
    for (size_t j = 0; j < count; j++) {
        scale[j] = p->scale ? p->scale[(column + j) * p->scale_step] : 1;
        bias[j] = p->bias ? p->bias[column + j] : 0;
    }
    for (size_t r = 0; r < rows; r++) {
        float *y = p->y + (row + r) * p->y_stride + column;
        const float *sums = tile + r * NR;
        if (!p->scale && !p->bias) {
            memcpy(y, sums, count * 4);
        } else {
            for (size_t j = 0; j < count; j++) y[j] = sums[j] * scale[j] + bias[j];
        }
    }
}

TARGET void NAME(ingot_product_panels)(const ingot_product *p, size_t first, size_t end, float *scratch) {
    float tile[MR * NR] __attribute__((aligned(64)));
    memset(tile, 0, sizeof tile);
    for (size_t group = first; group < end; group += INGOT_PANEL_GROUP) {
        const size_t panels = least(INGOT_PANEL_GROUP, end - group);
        pack_panels(p, group * NR, panels, scratch);
        for (size_t row = 0; row < p->m; row += MR) {
            const size_t rows = least(MR, p->m - row);
            for (size_t i = 0; i < panels; i++) {
                tile_kernels[rows](p->k, p->x + row * p->k, scratch + i * p->k * NR, tile);
                finish_tile(p, row, rows, (group + i) * NR, tile);
            }
        }
    }
}

TARGET void NAME(ingot_pack_rows)(const float *x, size_t x_stride, size_t m, size_t k, float *packed) {
    for (size_t row = 0; row < m; row += MR) {
        const size_t rows = least(MR, m - row);
        float *block = packed + row * k;
        for (size_t i = 0; i < k; i++) {
            UNROLL for (size_t r = 0; r < MR; r++) block[i * MR + r] = r < rows ? x[(row + r) * x_stride + i] : 0;
        }
    }
}

// --- Few rows

/// Columns `[column, column + count)` of one row, count at most 8 · LANES, of a weight `[K, N]`.
INLINE void multiply_in_out(const ingot_product *p, size_t row, size_t column, size_t count, const int type) {
    const size_t width = width_of(type);
    const float *x = p->x + row * p->x_stride;
    vec total[8];
    UNROLL for (size_t c = 0; c < 8; c++) total[c] = splat(0);
    for (size_t start = 0; start < p->k; start += INGOT_CHAIN) {
        const size_t end = least(p->k, start + INGOT_CHAIN);
        vec sum[8];
        UNROLL for (size_t c = 0; c < 8; c++) sum[c] = splat(0);
        for (size_t i = start; i < end; i++) {
            const char *w = (const char *)p->w + (i * p->w_stride + column) * width;
            const vec a = splat(x[i]);
            if (count == 8 * LANES) {
                UNROLL for (size_t c = 0; c < 8; c++) sum[c] = a * load_weight(w + c * LANES * width, type) + sum[c];
            } else {
                for (size_t c = 0; c * LANES < count; c++) {
                    sum[c] = a * load_weight_part(w + c * LANES * width, count - c * LANES, type) + sum[c];
                }
            }
        }
        UNROLL for (size_t c = 0; c < 8; c++) total[c] += sum[c];
    }
    float sums[8 * LANES];
    UNROLL for (size_t c = 0; c < 8; c++) store(sums + c * LANES, total[c]);
    for (size_t j = 0; j < count; j++) {
        p->y[row * p->y_stride + column + j] = finished(p, column + j, sums[j]);
    }
}

/// The sum of a vector's lanes, halves onto halves.
INLINE float sum_of(vec v) {
    float lanes[LANES];
    store(lanes, v);
    UNROLL for (size_t half = LANES / 2; half > 0; half /= 2) {
        UNROLL for (size_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

/// Columns `[column, column + count)` of one row, count at most 4, of a weight `[N, K]`: dot products.
INLINE void multiply_out_in(const ingot_product *p, size_t row, size_t column, const size_t count, const int type) {
    const size_t width = width_of(type);
    const float *x = p->x + row * p->x_stride;
    const char *w = (const char *)p->w + column * p->w_stride * width;
    vec sum[4][2];
    UNROLL for (size_t c = 0; c < 4; c++) {
        sum[c][0] = splat(0);
        sum[c][1] = splat(0);
    }
    size_t i = 0;
    for (; i + NR <= p->k; i += NR) {
        const vec low = load(x + i), high = load(x + i + LANES);
        UNROLL for (size_t c = 0; c < count; c++) {
            const char *v = w + (c * p->w_stride + i) * width;
            sum[c][0] = low * load_weight(v, type) + sum[c][0];
            sum[c][1] = high * load_weight(v + LANES * width, type) + sum[c][1];
        }
    }
    for (; i < p->k; i += LANES) {
        const size_t length = least(LANES, p->k - i);
        const vec part = load_weight_part((const char *)(x + i), length, INGOT_WEIGHT_F32);
        UNROLL for (size_t c = 0; c < count; c++) {
            sum[c][0] = part * load_weight_part(w + (c * p->w_stride + i) * width, length, type) + sum[c][0];
        }
    }
    UNROLL for (size_t c = 0; c < count; c++) {
        p->y[row * p->y_stride + column + c] = finished(p, column + c, sum_of(sum[c][0] + sum[c][1]));
    }
}

#define FEW_ROWS(type, name)                                                                                          \
    TARGET static void NAME(few_rows_##name)(const ingot_product *p, size_t first, size_t end) {                     \
        if (p->w_is_out_in) {                                                                                        \
            size_t column = first;                                                                                   \
            for (; column + 4 <= end; column += 4) {                                                                 \
                for (size_t row = 0; row < p->m; row++) multiply_out_in(p, row, column, 4, type);                    \
            }                                                                                                        \
            for (; column < end; column++) {                                                                         \
                for (size_t row = 0; row < p->m; row++) multiply_out_in(p, row, column, 1, type);                    \
            }                                                                                                        \
        } else {                                                                                                     \
            for (size_t column = first; column < end; column += 8 * LANES) {                                         \
                const size_t count = least(8 * LANES, end - column);                                                 \
                for (size_t row = 0; row < p->m; row++) multiply_in_out(p, row, column, count, type);                \
            }                                                                                                        \
        }                                                                                                            \
    }
FEW_ROWS(INGOT_WEIGHT_F32, f32)
FEW_ROWS(INGOT_WEIGHT_F16, f16)
FEW_ROWS(INGOT_WEIGHT_BF16, bf16)
FEW_ROWS(INGOT_WEIGHT_I8, i8)

TARGET void NAME(ingot_product_few_rows)(const ingot_product *p, size_t first, size_t end) {
    switch (p->w_type) {
    case INGOT_WEIGHT_F32: NAME(few_rows_f32)(p, first, end); break;
    case INGOT_WEIGHT_F16: NAME(few_rows_f16)(p, first, end); break;
    case INGOT_WEIGHT_BF16: NAME(few_rows_bf16)(p, first, end); break;
    default: NAME(few_rows_i8)(p, first, end); break;
    }
}
