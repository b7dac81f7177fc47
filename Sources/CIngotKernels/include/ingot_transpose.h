// SPDX-License-Identifier: Apache-2.0
// Transposing a matrix of elements of any width, block by block, so that both sides stay in the cache.
#ifndef INGOT_TRANSPOSE_H
#define INGOT_TRANSPOSE_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

#define INGOT_DECLARE_TRANSPOSE(level)                                                                                \
    /* from: [rows, columns] of elements of `width` bytes, rows `from_stride` bytes apart; to: [columns, rows], rows  \
       `to_stride` bytes apart. Any alignment; they must not overlap. */                                              \
    void ingot_transpose_##level(const void *from, size_t from_stride, size_t rows, size_t columns, size_t width,     \
                                 void *to, size_t to_stride);

INGOT_DECLARE_TRANSPOSE(portable)
INGOT_DECLARE_TRANSPOSE(avx2)

#pragma clang assume_nonnull end
#endif
