// SPDX-License-Identifier: Apache-2.0
// Products of one or two rows, which are as fast as the weight can be read: included by product_template.h, whose
// vectors and names it uses. A weight `[K, N]` is read chain by chain, all columns of some rows; one of `[N, K]` row by
// row as dot products; a packed one panel by panel.

// Rows of a weight [K, N] that are added to the sums at once: the sums are then loaded and stored rarely.
#define STREAMS 8
// Vectors of sums kept in registers, for weights narrower than floats.
#define STRIPE 8
// Bytes that dots are fetched ahead.
#define DOTS_AHEAD 8192

/// Adds rows `[first, end)` of the weight, at most STREAMS, to `sums` `[N]`, column after column.
INLINE void add_rows(const ingot_product *p, const float *x, size_t first, const size_t rows, float *sums, int begins) {
    const char *w = (const char *)p->w + first * p->w_stride * 4;
    const size_t whole = p->n / LANES * LANES;
    vec a[STREAMS];
    UNROLL for (size_t r = 0; r < rows; r++) a[r] = splat(x[first + r]);
    for (size_t j = 0; j < whole; j += LANES) {
        vec s = begins ? splat(0) : load(sums + j);
        UNROLL for (size_t r = 0; r < rows; r++) s = a[r] * load((const float *)w + r * p->w_stride + j) + s;
        store(sums + j, s);
    }
    if (whole == p->n) return;
    vec s = begins ? splat(0) : load_weight_part((const char *)(sums + whole), p->n - whole, INGOT_WEIGHT_F32);
    UNROLL for (size_t r = 0; r < rows; r++) {
        const char *part = w + (r * p->w_stride + whole) * 4;
        s = a[r] * load_weight_part(part, p->n - whole, INGOT_WEIGHT_F32) + s;
    }
    memcpy(sums + whole, &s, (p->n - whole) * 4);
}

/// The sums of one chain of one row by streams: the weight is read in its own order.
INLINE void chain_by_streams(const ingot_product *p, const float *x, size_t start, size_t end, float *sums) {
    size_t i = start;
    for (; i + STREAMS <= end; i += STREAMS) add_rows(p, x, i, STREAMS, sums, i == start);
    for (; i < end; i++) add_rows(p, x, i, 1, sums, i == start);
}

/// The sums of one chain of one row by stripes of columns: the sums stay in registers, and the rows of a later chain are
/// fetched meanwhile.
INLINE void chain_by_stripes(const ingot_product *p, const float *x, size_t start, size_t end, float *sums,
                             const int type) {
    const size_t width = width_of(type), stride = p->w_stride * width, ahead = p->rows_ahead * stride;
    for (size_t column = 0; column < p->n; column += STRIPE * LANES) {
        const char *w = (const char *)p->w + start * stride + column * width;
        const size_t count = least(STRIPE * LANES, p->n - column);
        vec s[STRIPE];
        UNROLL for (size_t c = 0; c < STRIPE; c++) s[c] = splat(0);
        for (size_t i = start; i < end; i++, w += stride) {
            const vec a = splat(x[i]);
            if (count == STRIPE * LANES) {
                UNROLL for (size_t b = 0; b < STRIPE * LANES * width; b += 64) __builtin_prefetch(w + ahead + b, 0, 2);
                UNROLL for (size_t c = 0; c < STRIPE; c++) s[c] = a * load_weight(w + c * LANES * width, type) + s[c];
            } else {
                // Every index is known when compiled: an array indexed at run time would leave the registers.
                UNROLL for (size_t c = 0; c < STRIPE; c++) {
                    if (c * LANES >= count) continue;
                    s[c] = a * load_weight_part(w + c * LANES * width, count - c * LANES, type) + s[c];
                }
            }
        }
        float stripe[STRIPE * LANES];
        UNROLL for (size_t c = 0; c < STRIPE; c++) store(stripe + c * LANES, s[c]);
        memcpy(sums + column, stripe, count * 4);
    }
}

#define CHAINS(type, name)                                                                                            \
    TARGET static void NAME(chains_##name)(const ingot_product *p, size_t first, size_t last, float *partial) {      \
        for (size_t chain = first; chain < last; chain++) {                                                          \
            const size_t start = chain * INGOT_CHAIN, end = least(p->k, start + INGOT_CHAIN);                        \
            for (size_t row = 0; row < p->m; row++) {                                                                \
                const float *x = p->x + row * p->x_stride;                                                           \
                float *sums = partial + (chain * p->m + row) * p->n;                                                 \
                if (type == INGOT_WEIGHT_F32) {                                                                      \
                    chain_by_streams(p, x, start, end, sums);                                                        \
                } else {                                                                                             \
                    chain_by_stripes(p, x, start, end, sums, type);                                                  \
                }                                                                                                    \
            }                                                                                                        \
        }                                                                                                            \
    }
CHAINS(INGOT_WEIGHT_F32, f32)
CHAINS(INGOT_WEIGHT_F16, f16)
CHAINS(INGOT_WEIGHT_BF16, bf16)
CHAINS(INGOT_WEIGHT_I8, i8)

TARGET static void NAME(product_chains)(const ingot_product *p, size_t first, size_t end, float *partial) {
    switch (p->w_type) {
    case INGOT_WEIGHT_F32: NAME(chains_f32)(p, first, end, partial); break;
    case INGOT_WEIGHT_F16: NAME(chains_f16)(p, first, end, partial); break;
    case INGOT_WEIGHT_BF16: NAME(chains_bf16)(p, first, end, partial); break;
    default: NAME(chains_i8)(p, first, end, partial); break;
    }
}

TARGET static void NAME(product_sum_chains)(const ingot_product *p, size_t first, size_t end, const float *partial) {
    const size_t chains = (p->k + INGOT_CHAIN - 1) / INGOT_CHAIN, step = p->m * p->n;
    for (size_t row = 0; row < p->m; row++) {
        for (size_t column = first; column < end; column += 2 * LANES) {
            const size_t count = least(2 * LANES, end - column);
            const float *sums = partial + row * p->n + column;
            float totals[2 * LANES] = {0};
            if (count == 2 * LANES) {
                vec low = splat(0), high = splat(0);
                for (size_t c = 0; c < chains; c++) {
                    low = c ? low + load(sums + c * step) : load(sums);
                    high = c ? high + load(sums + c * step + LANES) : load(sums + LANES);
                }
                store(totals, low);
                store(totals + LANES, high);
            } else {
                for (size_t c = 0; c < chains; c++) {
                    for (size_t j = 0; j < count; j++) totals[j] = c ? totals[j] + sums[c * step + j] : sums[j];
                }
            }
            finish_row(&p->end, row, column, count, totals);
        }
    }
}

// --- Dot products

/// The sum of a vector's lanes, halves onto halves.
INLINE float sum_of(vec v) {
    float lanes[LANES];
    store(lanes, v);
    UNROLL for (size_t half = LANES / 2; half > 0; half /= 2) {
        UNROLL for (size_t i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

/// The dot products of one row with `count` rows of a weight, count at most 4.
INLINE void multiply_out_in(const ingot_product *p, size_t row, size_t column, const size_t count, float *sums,
                            const int type) {
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
            __builtin_prefetch(v + DOTS_AHEAD * width, 0, 2);
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
    UNROLL for (size_t c = 0; c < count; c++) sums[c] = sum_of(sum[c][0] + sum[c][1]);
}

#define DOTS(type, name)                                                                                              \
    TARGET static void NAME(dots_##name)(const ingot_product *p, size_t first, size_t end) {                         \
        for (size_t column = first; column < end; column += NR) {                                                    \
            const size_t count = least(NR, end - column);                                                            \
            for (size_t row = 0; row < p->m; row++) {                                                                \
                float sums[NR];                                                                                      \
                size_t j = 0;                                                                                        \
                for (; j + 4 <= count; j += 4) multiply_out_in(p, row, column + j, 4, sums + j, type);               \
                for (; j < count; j++) multiply_out_in(p, row, column + j, 1, sums + j, type);                       \
                finish_row(&p->end, row, column, count, sums);                                                             \
            }                                                                                                        \
        }                                                                                                            \
    }
DOTS(INGOT_WEIGHT_F32, f32)
DOTS(INGOT_WEIGHT_F16, f16)
DOTS(INGOT_WEIGHT_BF16, bf16)
DOTS(INGOT_WEIGHT_I8, i8)

TARGET static void NAME(product_dots)(const ingot_product *p, size_t first, size_t end) {
    switch (p->w_type) {
    case INGOT_WEIGHT_F32: NAME(dots_f32)(p, first, end); break;
    case INGOT_WEIGHT_F16: NAME(dots_f16)(p, first, end); break;
    case INGOT_WEIGHT_BF16: NAME(dots_bf16)(p, first, end); break;
    default: NAME(dots_i8)(p, first, end); break;
    }
}

// --- Packed panels

/// A step of two vectors of sums of ROWS rows through one panel, with the words of `P` rows of the weight, and the scales of
/// its columns or NULL.
INLINE void add_words(const size_t rows, const float *x, size_t x_stride, const char *words_of, const vec *scale,
                      const size_t count, vec sum[2][2], const int type) {
    UNROLL for (size_t b = 0; b < NR * 4; b += 64) __builtin_prefetch(words_of + PANELS_AHEAD + b, 0, 3);
    words low, high;
    memcpy(&low, words_of, sizeof low);
    memcpy(&high, words_of + sizeof low, sizeof high);
    UNROLL for (size_t i = 0; i < per_word(type); i++) {
        if (i >= count) continue;
        vec a = number_of(low, i, type), b = number_of(high, i, type);
        if (scale) {
            a *= scale[0];
            b *= scale[1];
        }
        UNROLL for (size_t r = 0; r < rows; r++) {
            const vec value = splat(x[r * x_stride + i]);
            sum[r][0] = value * a + sum[r][0];
            sum[r][1] = value * b + sum[r][1];
        }
    }
}

/// The same with rows `[first, end)` of a panel, all of one scale a column, or without.
INLINE void add_rows_of_panel(const ingot_product *p, const size_t rows, const float *x, const char *panel,
                              const vec *scale, size_t first, size_t end, vec sum[2][2], const int type) {
    const size_t step = per_word(type), whole = first + (end - first) / step * step;
    for (size_t i = first; i < whole; i += step) {
        add_words(rows, x + i, p->x_stride, panel + i / step * NR * 4, scale, step, sum, type);
    }
    if (whole < end) {
        add_words(rows, x + whole, p->x_stride, panel + whole / step * NR * 4, scale, end - whole, sum, type);
    }
}

/// The same with one chain, run by run. `scales` is at the first row's run, which ends at row `run_end`, and is moved on.
INLINE void add_runs_of_panel(const ingot_product *p, const size_t rows, const float *x, const char *panel,
                              const char **scales, size_t *run_end, size_t first, size_t end, vec sum[2][2]) {
    const size_t half = LANES * width_of(p->runs.type);
    while (first < end) {
        const vec scale[2] = {load_weight(*scales, p->runs.type), load_weight(*scales + half, p->runs.type)};
        const size_t stop = least(end, *run_end);
        add_rows_of_panel(p, rows, x, panel, scale, first, stop, sum, INGOT_WEIGHT_WORDS_S8);
        if (stop == *run_end) {
            *run_end += p->runs.size;
            *scales += 2 * half;
        }
        first = stop;
    }
}

/// `sums` `[rows, NR]` of one panel, whose runs have `scales`, or NULL.
INLINE void multiply_panel(const ingot_product *p, const size_t rows, size_t row, const char *panel, const char *scales,
                           float *sums, const int type) {
    const float *x = p->x + row * p->x_stride;
    size_t run_end = p->runs.size;
    for (size_t start = 0; start < p->k; start += INGOT_CHAIN) {
        const size_t end = least(p->k, start + INGOT_CHAIN);
        vec sum[2][2];
        UNROLL for (size_t r = 0; r < 2; r++) {
            sum[r][0] = splat(0);
            sum[r][1] = splat(0);
        }
        if (type == INGOT_WEIGHT_WORDS_S8 && scales) {
            add_runs_of_panel(p, rows, x, panel, &scales, &run_end, start, end, sum);
        } else {
            add_rows_of_panel(p, rows, x, panel, NULL, start, end, sum, type);
        }
        UNROLL for (size_t r = 0; r < rows; r++) {
            UNROLL for (size_t half = 0; half < 2; half++) {
                float *total = sums + r * NR + half * LANES;
                store(total, start ? load(total) + sum[r][half] : sum[r][half]);
            }
        }
    }
}

#define PACKED_ROWS(type, name)                                                                                       \
    TARGET static void NAME(packed_rows_##name)(const ingot_product *p, size_t first, size_t end) {                  \
        const char *start = type == INGOT_WEIGHT_F32 ? (const char *)p->panels : (const char *)p->w;                 \
        float sums[2 * NR] __attribute__((aligned(64))) = {0};                                                       \
        for (size_t i = first; i < end; i++) {                                                                       \
            const char *panel = start + i * word_count(p->k, type) * NR * 4;                                         \
            const char *scales = runs_of_panel(p, i);                                                                \
            const size_t column = i * NR, count = least(NR, p->n - column);                                          \
            for (size_t row = 0; row < p->m; row += 2) {                                                             \
                const size_t rows = least(2, p->m - row);                                                            \
                if (rows == 2) {                                                                                     \
                    multiply_panel(p, 2, row, panel, scales, sums, type);                                            \
                } else {                                                                                             \
                    multiply_panel(p, 1, row, panel, scales, sums, type);                                            \
                }                                                                                                    \
                for (size_t r = 0; r < rows; r++) finish_row(&p->end, row + r, column, count, sums + r * NR);        \
            }                                                                                                        \
        }                                                                                                            \
    }
PACKED_ROWS(INGOT_WEIGHT_F32, f32)
PACKED_ROWS(INGOT_WEIGHT_WORDS_BF16, bf16)
PACKED_ROWS(INGOT_WEIGHT_WORDS_S8, s8)

TARGET static void NAME(product_packed_rows)(const ingot_product *p, size_t first, size_t end) {
    switch (p->w_type) {
    case INGOT_WEIGHT_WORDS_BF16: NAME(packed_rows_bf16)(p, first, end); break;
    case INGOT_WEIGHT_WORDS_S8: NAME(packed_rows_s8)(p, first, end); break;
    default: NAME(packed_rows_f32)(p, first, end); break;
    }
}
