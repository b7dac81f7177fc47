// SPDX-License-Identifier: Apache-2.0
// Transposing in squares of N × N elements that are held in vectors: interleaving row i with row i + N/2, log₂ N times,
// turns rows into columns. Included once an instruction set with LEVEL and TARGET defined.
#include "ingot_transpose.h"

#include "level_names.h"

#include <string.h>

// Rows of the source that are taken together: a cache line of each fits the first-level cache.
enum { ROW_BLOCK = 256 };

/// Elements one by one, for the edges and for widths without vectors.
TARGET static inline void NAME(transpose_plain)(const char *from, size_t from_stride, size_t rows, size_t columns,
                                                size_t width, char *to, size_t to_stride) {
    for (size_t c = 0; c < columns; c++)
        for (size_t r = 0; r < rows; r++)
            memcpy(to + c * to_stride + r * width, from + r * from_stride + c * width, width);
}

#define LOW_2 0, 2
#define HIGH_2 1, 3
#define LOW_4 0, 4, 1, 5
#define HIGH_4 2, 6, 3, 7
#define LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

/// Defines transposing for one width: squares of `n` × `n` elements of `type`.
#define DEFINE_TRANSPOSE(name, type, n, low, high)                                                                    \
    TARGET static inline void NAME(name##_square)(const char *from, size_t from_stride, char *to, size_t to_stride) { \
        typedef type vector __attribute__((ext_vector_type(n)));                                                      \
        vector rows[n], next[n];                                                                                      \
        for (int i = 0; i < n; i++) memcpy(&rows[i], from + (size_t)i * from_stride, sizeof(vector));                 \
        for (int step = 1; step < n; step *= 2) {                                                                     \
            for (int i = 0; i < n / 2; i++) {                                                                         \
                next[2 * i] = __builtin_shufflevector(rows[i], rows[i + n / 2], low);                                 \
                next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + n / 2], high);                            \
            }                                                                                                         \
            memcpy(rows, next, sizeof rows);                                                                          \
        }                                                                                                             \
        for (int i = 0; i < n; i++) memcpy(to + (size_t)i * to_stride, &rows[i], sizeof(vector));                     \
    }                                                                                                                 \
    TARGET static void NAME(name)(const char *from, size_t from_stride, size_t rows, size_t columns, char *to,        \
                                  size_t to_stride) {                                                                 \
        const size_t width = sizeof(type), whole = columns / n * n;                                                   \
        for (size_t r0 = 0; r0 < rows; r0 += ROW_BLOCK) {                                                             \
            const size_t end = rows - r0 < ROW_BLOCK ? rows : r0 + ROW_BLOCK;                                         \
            const size_t squares = r0 + (end - r0) / n * n;                                                           \
            for (size_t c = 0; c < whole; c += n)                                                                     \
                for (size_t r = r0; r < squares; r += n)                                                              \
                    NAME(name##_square)(from + r * from_stride + c * width, from_stride,                              \
                                        to + c * to_stride + r * width, to_stride);                                   \
            NAME(transpose_plain)(from + squares * from_stride, from_stride, end - squares, whole, width,             \
                                  to + squares * width, to_stride);                                                   \
            NAME(transpose_plain)(from + r0 * from_stride + whole * width, from_stride, end - r0, columns - whole,    \
                                  width, to + whole * to_stride + r0 * width, to_stride);                             \
        }                                                                                                             \
    }

DEFINE_TRANSPOSE(transpose_8, uint8_t, 16, LOW_16, HIGH_16)
DEFINE_TRANSPOSE(transpose_16, uint16_t, 8, LOW_8, HIGH_8)
DEFINE_TRANSPOSE(transpose_32, uint32_t, VECTOR_32, VECTOR_LOW_32, VECTOR_HIGH_32)
DEFINE_TRANSPOSE(transpose_64, uint64_t, VECTOR_64, VECTOR_LOW_64, VECTOR_HIGH_64)

TARGET static void NAME(transpose)(const void *from, size_t from_stride, size_t rows, size_t columns, size_t width,
                                  void *to, size_t to_stride) {
    switch (width) {
    case 1: NAME(transpose_8)(from, from_stride, rows, columns, to, to_stride); break;
    case 2: NAME(transpose_16)(from, from_stride, rows, columns, to, to_stride); break;
    case 4: NAME(transpose_32)(from, from_stride, rows, columns, to, to_stride); break;
    case 8: NAME(transpose_64)(from, from_stride, rows, columns, to, to_stride); break;
    default: NAME(transpose_plain)(from, from_stride, rows, columns, width, to, to_stride);
    }
}

const ingot_transpose_kernels NAME(ingot_transpose_kernels) = {
    .transpose = NAME(transpose),
};
