// SPDX-License-Identifier: Apache-2.0
// Vectors of floats for AVX2, with what their instructions do best. TARGET is defined before.
#include <immintrin.h>
#include <stdint.h>

#define LANES 8
#define MR 6

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef uint16_t halves_of_words __attribute__((vector_size(4 * LANES)));

/// The upper halves of the words of two vectors, one after the other.
#define UPPER_HALVES(a, b)                                                                                            \
    __builtin_shufflevector((halves_of_words)(a), (halves_of_words)(b), 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)

static inline __attribute__((always_inline)) TARGET vec load_f16(const char *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

/// Transposes 8 x 8 floats in registers: pairs, then quadruples, then halves.
static inline __attribute__((always_inline)) TARGET void transpose(vec *rows) {
    __m256 t[8], u[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        rows[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        rows[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}
