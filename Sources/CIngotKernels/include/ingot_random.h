// SPDX-License-Identifier: Apache-2.0
// Normal deviates as a function of a key and a place: the same bytes on every processor, in any order, on any number of
// threads. Only operations that IEEE 754 rounds one way are used, none contracted.
#ifndef INGOT_RANDOM_H
#define INGOT_RANDOM_H

#include "ingot_levels.h"

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// One level's generator.
typedef struct INGOT_SENDABLE {
    /// y: [n]; elements [first, first + n) of the sequence of `key`, normal with mean 0 and this deviation; `first` is
    /// even.
    void INGOT_KERNEL(normal)(uint64_t key, uint64_t first, size_t n, double deviation, float *y);
} ingot_random_kernels;

INGOT_LEVELS(ingot_random_kernels, avx512)

#pragma clang assume_nonnull end
#endif
