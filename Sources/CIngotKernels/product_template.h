// SPDX-License-Identifier: Apache-2.0
// Matrix products with vector types. Included once an instruction set with LEVEL (suffix of the names), TARGET
// (function attribute), LANES (floats a vector), MR (rows of a tile) and `transpose` (LANES vectors) defined.
// A tile of MR x 2 vectors stays in registers; that needs every loop over it unrolled, the initializing one too.
#include "product_vectors.h"

// Rows of a [K, N] weight fetched ahead while packing: far enough for memory, near enough for the TLB.
#define PREFETCH_ROWS 8

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
                v = scaled_column_numbers(p, k, column + j, LANES, load_weight(row + j * width, type), type);
            } else if (j < count) {
                v = load_weight_part(row + j * width, count - j, type);
                v = scaled_column_numbers(p, k, column + j, count - j, v, type);
            }
            store(packed + (j / NR * p->k + k) * NR + j % NR, v);
        }
    }
}

/// Packs columns `[column, column + NR)` of a weight `[N, K]` to `panel`, `[K, NR]`, with zeros beyond N.
INLINE void pack_out_in(const ingot_product *p, size_t column, float *panel, const int type) {
    const size_t count = least(NR, p->n - column);
    for (size_t group = 0; group < NR; group += LANES) {
        for (size_t k = 0; k < p->k; k += LANES) {
            const size_t length = least(LANES, p->k - k);
            vec rows[LANES];
            UNROLL for (size_t i = 0; i < LANES; i++) {
                const size_t row = column + group + i;
                __builtin_prefetch(weight_at(p, row + LANES, k, type));
                rows[i] = group + i < count ? load_from_row(p, row, k, length, type) : splat(0);
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

/// Blocks are of weights `[N, K]` alone.
TARGET static void NAME(pack_q8_0)(const ingot_product *p, size_t column, size_t panels, float *packed) {
    for (size_t i = 0; i < panels; i++) {
        pack_out_in(p, column + i * NR, packed + i * p->k * NR, INGOT_WEIGHT_Q8_0);
    }
}

/// Multiplies rows of a panel `[K, NR]` with the scales of their runs.
INLINE void scale_panel(const ingot_product *p, const char *scales, float *panel) {
    const size_t width = width_of(p->runs.type);
    for (size_t start = 0; start < p->k; start += p->runs.size, scales += NR * width) {
        const vec low = load_weight(scales, p->runs.type), high = load_weight(scales + LANES * width, p->runs.type);
        for (size_t i = start; i < least(p->k, start + p->runs.size); i++) {
            store(panel + i * NR, load(panel + i * NR) * low);
            store(panel + i * NR + LANES, load(panel + i * NR + LANES) * high);
        }
    }
}

/// Spreads panels of words, `[panels, ⌈K / P⌉, NR, P]`, to `packed`, `[panels, K, NR]`.
INLINE void spread_words(const ingot_product *p, size_t column, size_t panels, float *packed, const int type) {
    const size_t step = per_word(type), count = word_count(p->k, type);
    const char *source = (const char *)p->w + column * count * 4;
    for (size_t panel = 0; panel < panels; panel++) {
        for (size_t i = 0; i < count; i++, source += NR * 4) {
            words low, high;
            memcpy(&low, source, sizeof low);
            memcpy(&high, source + sizeof low, sizeof high);
            UNROLL for (size_t j = 0; j < step; j++) {
                if (i * step + j >= p->k) continue;
                float *row = packed + (panel * p->k + i * step + j) * NR;
                store(row, number_of(low, j, type));
                store(row + LANES, number_of(high, j, type));
            }
        }
        const char *scales = runs_of_panel(p, column / NR + panel);
        if (scales) scale_panel(p, scales, packed + panel * p->k * NR);
    }
}

TARGET static void NAME(spread_bf16)(const ingot_product *p, size_t column, size_t panels, float *packed) {
    spread_words(p, column, panels, packed, INGOT_WEIGHT_WORDS_BF16);
}
TARGET static void NAME(spread_s8)(const ingot_product *p, size_t column, size_t panels, float *packed) {
    spread_words(p, column, panels, packed, INGOT_WEIGHT_WORDS_S8);
}

TARGET static void pack_panels(const ingot_product *p, size_t column, size_t panels, float *packed) {
    switch (p->w_type) {
    case INGOT_WEIGHT_F32: NAME(pack_f32)(p, column, panels, packed); break;
    case INGOT_WEIGHT_F16: NAME(pack_f16)(p, column, panels, packed); break;
    case INGOT_WEIGHT_BF16: NAME(pack_bf16)(p, column, panels, packed); break;
    case INGOT_WEIGHT_Q8_0: NAME(pack_q8_0)(p, column, panels, packed); break;
    case INGOT_WEIGHT_WORDS_BF16: NAME(spread_bf16)(p, column, panels, packed); break;
    case INGOT_WEIGHT_WORDS_S8: NAME(spread_s8)(p, column, panels, packed); break;
    default: NAME(pack_i8)(p, column, panels, packed); break;
    }
}

// --- Tiles

/// `tile` `[rows, NR]` takes one chain of at most INGOT_CHAIN rows of a weight, `stride` bytes apart, times `x`
/// `[count, MR]`: the first chain of a sum begins it, the others are added. What is needed `ahead` bytes behind each row
/// is fetched; 0 for nothing.
INLINE void multiply_chain(const size_t rows, size_t count, const float *x, const char *w, size_t stride,
                           const int type, const size_t ahead, float *tile, int begins) {
    vec sum[MR][2];
    UNROLL for (size_t r = 0; r < rows; r++) {
        sum[r][0] = splat(0);
        sum[r][1] = splat(0);
    }
    for (size_t i = 0; i < count; i++, w += stride) {
        if (ahead) {
            UNROLL for (size_t b = 0; b < NR * width_of(type); b += 64) __builtin_prefetch(w + ahead + b);
        }
        const vec low = load_weight(w, type), high = load_weight(w + LANES * width_of(type), type);
        UNROLL for (size_t r = 0; r < rows; r++) {
            const vec a = splat(x[i * MR + r]);
            sum[r][0] = a * low + sum[r][0];
            sum[r][1] = a * high + sum[r][1];
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++) {
        store(tile + r * NR, begins ? sum[r][0] : load(tile + r * NR) + sum[r][0]);
        store(tile + r * NR + LANES, begins ? sum[r][1] : load(tile + r * NR + LANES) + sum[r][1]);
    }
}

/// `tile` `[rows, NR]` = `x` `[K, MR]` (transposed) times `panel` `[K, NR]`.
INLINE void multiply_tile(const size_t rows, size_t k, const float *x, const float *panel, float *tile) {
    for (size_t start = 0; start < k; start += INGOT_CHAIN) {
        multiply_chain(rows, least(k - start, INGOT_CHAIN), x + start * MR, (const char *)(panel + start * NR), NR * 4,
                       INGOT_WEIGHT_F32, 0, tile, start == 0);
    }
}

#define TILE(rows, name)                                                                                              \
    TARGET static void NAME(name##_##rows)(size_t k, const float *x, const float *panel, float *tile) {              \
        multiply_tile(rows, k, x, panel, tile);                                                                      \
    }
EACH_ROW_COUNT(TILE, tile)

typedef void tile_kernel(size_t k, const float *x, const float *panel, float *tile);

static tile_kernel *const tile_kernels[MR + 1] = {0, EACH_ROW_COUNT(LISTED, tile)};

TARGET static void NAME(pack_panels)(const ingot_product *p, size_t first, size_t end, float *packed) {
    for (size_t group = first; group < end; group += INGOT_PANEL_GROUP) {
        pack_panels(p, group * NR, least(INGOT_PANEL_GROUP, end - group), packed + group * p->k * NR);
    }
}

/// The scale of run `run` of a column, as it is stored.
INLINE const char *stored_scale(const ingot_product *p, size_t column, size_t run) {
    if (p->w_type == INGOT_WEIGHT_Q8_0) return weight_at(p, column, run * INGOT_Q8_0_NUMBERS, INGOT_WEIGHT_Q8_0) - 2;
    const size_t index = p->w_is_out_in ? column * p->runs.stride + run : run * p->runs.stride + column;
    return (const char *)p->runs.scales + index * width_of(p->runs.type);
}

TARGET static void NAME(pack_runs)(const ingot_product *p, size_t first, size_t end, void *packed) {
    const int has_blocks = p->w_type == INGOT_WEIGHT_Q8_0;
    const size_t width = has_blocks ? 2 : width_of(p->runs.type), size = has_blocks ? INGOT_Q8_0_NUMBERS : p->runs.size;
    const size_t runs = (p->k + size - 1) / size;
    for (size_t index = first; index < end; index++) {
        const size_t column = index * NR, count = least(NR, p->n - column);
        for (size_t run = 0; run < runs; run++) {
            char *row = (char *)packed + (index * runs + run) * NR * width;
            memset(row + count * width, 0, (NR - count) * width);
            for (size_t c = 0; c < count; c++) memcpy(row + c * width, stored_scale(p, column + c, run), width);
        }
    }
}

TARGET static void NAME(product_panels)(const ingot_product *p, size_t first, size_t end, float *scratch) {
    float tile[MR * NR] __attribute__((aligned(64)));
    memset(tile, 0, sizeof tile);
    for (size_t group = first; group < end; group += INGOT_PANEL_GROUP) {
        const size_t panels = least(INGOT_PANEL_GROUP, end - group);
        const size_t depth = p->panels && p->panel_depth ? p->panel_depth : p->k;
        const float *packed = p->panels ? p->panels + group * depth * NR : scratch;
        if (!p->panels) pack_panels(p, group * NR, panels, scratch);
        for (size_t row = 0; row < p->m; row += MR) {
            const size_t rows = least(MR, p->m - row);
            for (size_t i = 0; i < panels; i++) {
                const size_t column = (group + i) * NR;
                fetch_rows(&p->end, row, rows, column);
                tile_kernels[rows](p->k, p->x + row * p->k, packed + i * depth * NR, tile);
                const size_t count = least(NR, p->n - column);
                for (size_t r = 0; r < rows; r++) finish_row(&p->end, row + r, column, count, tile + r * NR);
            }
        }
    }
}

#if MR <= LANES
/// Writes LANES numbers of MR rows, or of fewer and zeros, as `[LANES, MR]`.
INLINE void turn_rows(const float *x, size_t x_stride, size_t rows, float *packed) {
    vec turned[LANES];
    UNROLL for (size_t r = 0; r < LANES; r++) turned[r] = r < rows ? load(x + r * x_stride) : splat(0);
    transpose(turned);
    UNROLL for (size_t i = 0; i < LANES; i++) store_part(packed + i * MR, MR, turned[i]);
}
#endif

TARGET static void NAME(pack_rows)(const float *x, size_t x_stride, size_t m, size_t k, float *packed) {
    for (size_t row = 0; row < m; row += MR) {
        const size_t rows = least(MR, m - row);
        const float *start = x + row * x_stride;
        float *block = packed + row * k;
        size_t i = 0;
#if MR <= LANES
        for (; i + LANES <= k; i += LANES) turn_rows(start + i, x_stride, rows, block + i * MR);
#endif
        for (; i < k; i++) {
            UNROLL for (size_t r = 0; r < MR; r++) block[i * MR + r] = r < rows ? start[r * x_stride + i] : 0;
        }
    }
}

#include "product_few_rows_template.h"
#include "product_unpacked_template.h"

const ingot_product_kernels NAME(ingot_product_kernels) = {
    .row_block = MR,
    .panel_width = NR,
    .pack_rows = NAME(pack_rows),
    .pack_panels = NAME(pack_panels),
    .pack_runs = NAME(pack_runs),
    .panels = NAME(product_panels),
    .unpacked = NAME(product_unpacked),
    .chains = NAME(product_chains),
    .sum_chains = NAME(product_sum_chains),
    .dots = NAME(product_dots),
    .packed_rows = NAME(product_packed_rows),
};
