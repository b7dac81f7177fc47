// SPDX-License-Identifier: Apache-2.0
// Products by a weight `[K, N]` as it is stored, for a run that reads each weight once: packing it would take as long as
// multiplying. The rows of one chain are read together, panel by panel, and the sums of some columns stay in the cache
// from chain to chain. Included by product_template.h, whose vectors, names and tiles it uses.

#define CHAIN_TILE(rows, name, type)                                                                                  \
    TARGET static void NAME(name##_##rows)(size_t count, const float *x, const char *w, size_t stride, float *tile,  \
                                           int begins) {                                                             \
        multiply_chain(rows, count, x, w, stride, type, NR * width_of(type), tile, begins);                          \
    }
EACH_ROW_COUNT(CHAIN_TILE, chain_f32, INGOT_WEIGHT_F32)
EACH_ROW_COUNT(CHAIN_TILE, chain_f16, INGOT_WEIGHT_F16)
EACH_ROW_COUNT(CHAIN_TILE, chain_bf16, INGOT_WEIGHT_BF16)
EACH_ROW_COUNT(CHAIN_TILE, chain_i8, INGOT_WEIGHT_I8)

typedef void chain_kernel(size_t count, const float *x, const char *w, size_t stride, float *tile, int begins);

static chain_kernel *const chain_kernels[4][MR + 1] = {
    [INGOT_WEIGHT_F32] = {0, EACH_ROW_COUNT(LISTED, chain_f32)},
    [INGOT_WEIGHT_F16] = {0, EACH_ROW_COUNT(LISTED, chain_f16)},
    [INGOT_WEIGHT_BF16] = {0, EACH_ROW_COUNT(LISTED, chain_bf16)},
    [INGOT_WEIGHT_I8] = {0, EACH_ROW_COUNT(LISTED, chain_i8)},
};

/// Adds one chain, rows `[start, start + count)` of the weight, to the sums of columns `[column, column + NR)`,
/// `[⌈M / MR⌉, MR, NR]`.
TARGET static void add_chain(const ingot_product *p, size_t start, size_t count, size_t column, float *sums) {
    const size_t width = width_of(p->w_type), columns = least(NR, p->n - column);
    size_t stride = p->w_stride * width;
    const char *w = (const char *)p->w + start * stride + column * width;
    char part[INGOT_CHAIN * NR * 4];
    if (columns < NR) {
        // Tiles read all columns: the last ones of the matrix with zeros behind them.
        memset(part, 0, sizeof part);
        for (size_t i = 0; i < count; i++) memcpy(part + i * NR * width, w + i * stride, columns * width);
        w = part;
        stride = NR * width;
    }
    for (size_t row = 0; row < p->m; row += MR) {
        chain_kernels[p->w_type][least(MR, p->m - row)](count, p->x + row * p->k + start * MR, w, stride,
                                                        sums + row * NR, start == 0);
    }
}

TARGET static void NAME(product_unpacked)(const ingot_product *p, size_t first, size_t end, float *sums) {
    const size_t rows = (p->m + MR - 1) / MR * MR;
    // Without a chain there is nothing that begins the sums.
    if (p->k == 0) memset(sums, 0, (end - first) * rows * NR * sizeof *sums);
    for (size_t start = 0; start < p->k; start += INGOT_CHAIN) {
        const size_t count = least(INGOT_CHAIN, p->k - start);
        for (size_t i = first; i < end; i++) add_chain(p, start, count, i * NR, sums + (i - first) * rows * NR);
    }
    for (size_t row = 0; row < p->m; row++) {
        for (size_t i = first; i < end; i++) {
            finish_row(&p->end, row, i * NR, least(NR, p->n - i * NR), sums + ((i - first) * rows + row) * NR);
        }
    }
}
