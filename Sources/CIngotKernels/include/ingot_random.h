// SPDX-License-Identifier: Apache-2.0
// Normal deviates as a function of a key and a place: the same bytes on every processor, in any order, on any number of
// threads. Only operations that IEEE 754 rounds one way are used, none contracted.
#ifndef INGOT_RANDOM_H
#define INGOT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

#define INGOT_DECLARE_RANDOM(level)                                                                                   \
    /* y: [n]; elements [first, first + n) of the sequence of `key`, normal with mean 0 and this deviation; `first` is  \
       even. */                                                                                                       \
    void ingot_normal_##level(uint64_t key, uint64_t first, size_t n, double deviation, float *y);

INGOT_DECLARE_RANDOM(portable)
INGOT_DECLARE_RANDOM(avx2)
INGOT_DECLARE_RANDOM(avx512)

#pragma clang assume_nonnull end
#endif
