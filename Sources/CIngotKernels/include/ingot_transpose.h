// SPDX-License-Identifier: Apache-2.0
// Transposing a matrix of elements of any width, block by block, so that both sides stay in the cache.
#ifndef INGOT_TRANSPOSE_H
#define INGOT_TRANSPOSE_H

#include "ingot_levels.h"

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// One level's transposition.
typedef struct INGOT_SENDABLE {
    /// from: [rows, columns] of elements of `width` bytes, rows `from_stride` bytes apart; to: [columns, rows], rows
    /// `to_stride` bytes apart. Any alignment; they must not overlap.
    void INGOT_KERNEL(transpose)(const void *from, size_t from_stride, size_t rows, size_t columns, size_t width,
                                 void *to, size_t to_stride);
} ingot_transpose_kernels;

INGOT_LEVELS(ingot_transpose_kernels, avx2)

#pragma clang assume_nonnull end
#endif
