// SPDX-License-Identifier: Apache-2.0
// The grids of ggml's IQ types: an entry is eight magnitudes of two bits each, or four in a nibble each, the first in
// the lowest bits; each is a place in a list of magnitudes, which the decoders have.
#ifndef INGOT_GRIDS_H
#define INGOT_GRIDS_H

#include <stdint.h>

#pragma clang assume_nonnull begin

extern const uint16_t ingot_grid_iq2_xxs[256], ingot_grid_iq2_xs[512], ingot_grid_iq2_s[1024];
extern const uint16_t ingot_grid_iq3_xxs[256], ingot_grid_iq3_s[512];
extern const uint16_t ingot_grid_iq1_s[2048];

/// A grid by the name of its type, as a pointer.
#define INGOT_GRID_POINTER(name)                                                                                      \
    static inline const uint16_t *ingot_##name##_entries(void) { return ingot_grid_##name; }
INGOT_GRID_POINTER(iq2_xxs)
INGOT_GRID_POINTER(iq2_xs)
INGOT_GRID_POINTER(iq2_s)
INGOT_GRID_POINTER(iq3_xxs)
INGOT_GRID_POINTER(iq3_s)
INGOT_GRID_POINTER(iq1_s)

#pragma clang assume_nonnull end
#endif
