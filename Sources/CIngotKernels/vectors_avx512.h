// SPDX-License-Identifier: Apache-2.0
// Vectors of floats for AVX-512, with what their instructions do best. TARGET is defined before.
#include <immintrin.h>
#include <stdint.h>

#define LANES 16
#define MR 14

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef uint16_t halves_of_words __attribute__((vector_size(4 * LANES)));

/// The upper halves of the words of two vectors, one after the other.
#define UPPER_HALVES(a, b)                                                                                            \
    __builtin_shufflevector((halves_of_words)(a), (halves_of_words)(b), 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43, 45, 47, 49, 51, \
        53, 55, 57, 59, 61, 63)

static inline __attribute__((always_inline)) TARGET vec load_f16(const char *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

/// Transposes 16 x 16 floats in registers: pairs, quadruples, then 128-bit quarters twice.
static inline __attribute__((always_inline)) TARGET void transpose(vec *rows) {
    __m512 t[16], u[16];
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i += 4) {
        u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    // u[4 a + c] holds, in quarter q, rows 4 a … 4 a + 3 of column 4 q + c.
#pragma clang loop unroll(full)
    for (int c = 0; c < 4; c++) {
        __m512 even_low = _mm512_shuffle_f32x4(u[c], u[4 + c], 0x88), odd_low = _mm512_shuffle_f32x4(u[c], u[4 + c], 0xdd);
        __m512 even_high = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0x88);
        __m512 odd_high = _mm512_shuffle_f32x4(u[8 + c], u[12 + c], 0xdd);
        rows[c] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
        rows[4 + c] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
        rows[8 + c] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
        rows[12 + c] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
    }
}
