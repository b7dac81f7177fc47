// SPDX-License-Identifier: Apache-2.0
// MinHash signatures (Broder, "On the resemblance and containment of documents", 1997) by datasketch's affine permutations
// of 32 bits: the same numbers on every processor.
#ifndef INGOT_MINHASH_H
#define INGOT_MINHASH_H

#include "ingot_levels.h"

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// One level's signatures.
typedef struct INGOT_SENDABLE {
    /// hashes: [n]; factors, offsets, least: [permutations]. Each least[p] becomes the least of itself and of
    /// factors[p] · m + offsets[p] modulo 2^32 over all hashes, m being MurmurHash3's finalizer of the hash.
    void INGOT_KERNEL(lower)(const uint32_t *hashes, size_t n, const uint32_t *factors, const uint32_t *offsets,
                             size_t permutations, uint32_t *least);
} ingot_minhash_kernels;

INGOT_LEVELS(ingot_minhash_kernels, avx512)

#pragma clang assume_nonnull end
#endif
