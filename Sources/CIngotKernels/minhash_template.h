// SPDX-License-Identifier: Apache-2.0
// MinHash signatures, sixteen permutations at a time. Included once an instruction set with LEVEL and TARGET defined.
// ReferenceKernels.leastValues is the same arithmetic, one permutation at a time.
#include "ingot_minhash.h"

#include "level_names.h"

#include <string.h>

// Vectors pass only between functions that are inlined: no calling convention is involved.
#pragma clang diagnostic ignored "-Wpsabi"

// TILE: hashes that are mixed at a time, and stay in the first-level cache.
enum { LANES = 16, TILE = 512 };

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

/// MurmurHash3's finalizer, a bijection (Appleby, MurmurHash3.cpp).
INLINE uint32_t finalized(uint32_t h) {
    h = (h ^ (h >> 16)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    return h ^ (h >> 16);
}

INLINE lanes load(const uint32_t *p, size_t n) {
    lanes v = {0};
    if (n >= LANES) {
        memcpy(&v, p, sizeof v);
    } else {
        memcpy(&v, p, n * sizeof *p);
    }
    return v;
}

/// The least values of up to sixteen permutations, `n` of them.
INLINE void lower_lanes(const uint32_t *mixed, size_t count, const uint32_t *factors, const uint32_t *offsets, size_t n,
                        uint32_t *least) {
    const lanes a = load(factors, n), b = load(offsets, n);
    lanes lowest = load(least, n);
    for (size_t i = 0; i < count; i++) lowest = __builtin_elementwise_min(lowest, a * mixed[i] + b);
    if (n >= LANES) {
        memcpy(least, &lowest, sizeof lowest);
    } else {
        memcpy(least, &lowest, n * sizeof *least);
    }
}

TARGET static void NAME(lower)(const uint32_t *hashes, size_t n, const uint32_t *factors, const uint32_t *offsets,
                               size_t permutations, uint32_t *least) {
    uint32_t mixed[TILE];
    for (size_t first = 0; first < n; first += TILE) {
        const size_t count = n - first < TILE ? n - first : TILE;
        for (size_t i = 0; i < count; i++) mixed[i] = finalized(hashes[first + i]);
        for (size_t p = 0; p < permutations; p += LANES) {
            lower_lanes(mixed, count, factors + p, offsets + p, permutations - p, least + p);
        }
    }
}

const ingot_minhash_kernels NAME(ingot_minhash_kernels) = {
    .lower = NAME(lower),
};
