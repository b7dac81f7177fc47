// SPDX-License-Identifier: Apache-2.0
// Vectors of floats for any processor, with what their instructions do best. TARGET is defined before.
#include "ingot_convert.h"

#include <stddef.h>
#include <stdint.h>

#define LANES 4
#if defined(__aarch64__)
// NEON, which every such processor has: 28 of the 32 registers are a tile's.
#define MR 14
#else
#define MR 4
#endif

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef uint16_t halves_of_words __attribute__((vector_size(4 * LANES)));

/// The upper halves of the words of two vectors, one after the other.
#define UPPER_HALVES(a, b)                                                                                            \
    __builtin_shufflevector((halves_of_words)(a), (halves_of_words)(b), 1, 3, 5, 7, 9, 11, 13, 15)

static inline vec load_f16(const char *p) {
    vec v;
    ingot_convert_kernels_portable.widen_f16_f32(p, &v, LANES);
    return v;
}

static inline void transpose(vec *rows) {
    vec columns[LANES];
    for (size_t i = 0; i < LANES; i++) {
        for (size_t j = 0; j < LANES; j++) columns[i][j] = rows[j][i];
    }
    for (size_t i = 0; i < LANES; i++) rows[i] = columns[i];
}
