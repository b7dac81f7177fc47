// SPDX-License-Identifier: Apache-2.0
// CRC-32 by carry-less multiplication: 64 or 256 bytes are folded onto the next ones at a time.
// After Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009).
#include "ingot_bytes.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

// xⁿ mod P, reflected, for the low and the high half of what is folded n ± 32 bits ahead; P is the IEEE polynomial.
#define FOLD_2048 0x1322d1430, 0x11542778a
#define FOLD_512 0x1c6e41596, 0x154442bd4
#define FOLD_128 0x0ccaa009e, 0x1751997d0
// x⁶⁴ mod P; then P and ⌊x⁶⁴ ÷ P⌋ for Barrett's reduction.
#define FOLD_64 0, 0x163cd6124
#define BARRETT 0x1f7011641, 0x1db710641

#define NARROW __attribute__((target("sse4.1,pclmul")))
#define WIDE __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq,pclmul")))

NARROW static inline __m128i fold(__m128i x, __m128i next, __m128i factors) {
    __m128i low = _mm_clmulepi64_si128(x, factors, 0x00), high = _mm_clmulepi64_si128(x, factors, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

NARROW static inline __m128i load(const unsigned char *p) { return _mm_loadu_si128((const __m128i *)p); }

/// Folds the rest, whole blocks of 16 bytes, and takes the remainder.
NARROW static uint32_t finish(__m128i x, const unsigned char *p, size_t n) {
    const __m128i by_128 = _mm_set_epi64x(FOLD_128), by_64 = _mm_set_epi64x(FOLD_64);
    const __m128i barrett = _mm_set_epi64x(BARRETT), words = _mm_setr_epi32(~0, 0, ~0, 0);
    for (; n >= 16; p += 16, n -= 16) x = fold(x, load(p), by_128);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, by_128, 0x10));
    x = _mm_xor_si128(_mm_srli_si128(x, 4), _mm_clmulepi64_si128(_mm_and_si128(x, words), by_64, 0x00));
    __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(x, words), barrett, 0x10);
    quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, words), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, quotient), 1);
}

NARROW static uint32_t crc32_narrow(uint32_t crc, const unsigned char *p, size_t n) {
    const __m128i by_512 = _mm_set_epi64x(FOLD_512), by_128 = _mm_set_epi64x(FOLD_128);
    __m128i a = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)crc));
    __m128i b = load(p + 16), c = load(p + 32), d = load(p + 48);
    for (p += 64, n -= 64; n >= 64; p += 64, n -= 64) {
        a = fold(a, load(p), by_512);
        b = fold(b, load(p + 16), by_512);
        c = fold(c, load(p + 32), by_512);
        d = fold(d, load(p + 48), by_512);
    }
    return finish(fold(fold(fold(a, b, by_128), c, by_128), d, by_128), p, n);
}

WIDE static inline __m512i fold_wide(__m512i x, __m512i next, __m512i factors) {
    __m512i low = _mm512_clmulepi64_epi128(x, factors, 0x00), high = _mm512_clmulepi64_epi128(x, factors, 0x11);
    return _mm512_ternarylogic_epi64(low, high, next, 0x96);
}

WIDE static uint32_t crc32_wide(uint32_t crc, const unsigned char *p, size_t n) {
    const __m512i by_2048 = _mm512_broadcast_i32x4(_mm_set_epi64x(FOLD_2048));
    const __m512i by_512 = _mm512_broadcast_i32x4(_mm_set_epi64x(FOLD_512));
    const __m128i by_128 = _mm_set_epi64x(FOLD_128);
    __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 64);
    __m512i c = _mm512_loadu_si512(p + 128), d = _mm512_loadu_si512(p + 192);
    a = _mm512_xor_si512(a, _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
    for (p += 256, n -= 256; n >= 256; p += 256, n -= 256) {
        a = fold_wide(a, _mm512_loadu_si512(p), by_2048);
        b = fold_wide(b, _mm512_loadu_si512(p + 64), by_2048);
        c = fold_wide(c, _mm512_loadu_si512(p + 128), by_2048);
        d = fold_wide(d, _mm512_loadu_si512(p + 192), by_2048);
    }
    a = fold_wide(fold_wide(fold_wide(a, b, by_512), c, by_512), d, by_512);
    for (; n >= 64; p += 64, n -= 64) a = fold_wide(a, _mm512_loadu_si512(p), by_512);
    __m128i x = fold(_mm512_castsi512_si128(a), _mm512_extracti32x4_epi32(a, 1), by_128);
    x = fold(x, _mm512_extracti32x4_epi32(a, 2), by_128);
    return finish(fold(x, _mm512_extracti32x4_epi32(a, 3), by_128), p, n);
}
#endif

int ingot_crc32_level(void) {
    int level = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("pclmul")) level = 1;
    if (level == 1 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("vpclmulqdq")) {
        level = 2;
    }
#endif
    const char *request = getenv("INGOT_CPU");
    if (request && !strcmp(request, "portable")) return 0;
    if (request && !strcmp(request, "avx2") && level > 1) return 1;
    return level;
}

size_t ingot_crc32_fold(int level, uint32_t *crc, const void *bytes, size_t count) {
    const size_t whole = count / 16 * 16;
#if defined(__x86_64__)
    if (level >= 2 && whole >= 256) {
        *crc = ~crc32_wide(~*crc, bytes, whole);
        return whole;
    }
    if (level >= 1 && whole >= 64) {
        *crc = ~crc32_narrow(~*crc, bytes, whole);
        return whole;
    }
#endif
    (void)level, (void)crc, (void)bytes, (void)whole;
    return 0;
}
