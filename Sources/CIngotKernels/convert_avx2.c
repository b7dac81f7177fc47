// SPDX-License-Identifier: Apache-2.0
// Conversions with AVX2; half precision through F16C.
#if defined(__x86_64__)
#define LEVEL avx2
#define TARGET __attribute__((target("avx2,f16c")))
#define HAS_OWN_F16
#include "convert_template.h"

#include <immintrin.h>

KERNEL NAME(widen_f16_f32)(const void *from, void *to, size_t n) {
    const char *in = from;
    char *out = to;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 x = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(in + i * 2)));
        _mm256_storeu_ps((float *)(out + i * 4), x);
    }
    for (; i < n; i++) {
        uint16_t h;
        memcpy(&h, in + i * 2, 2);
        uint32_t bits = decode_f16(h);
        memcpy(out + i * 4, &bits, 4);
    }
}

KERNEL NAME(f32_f16)(const void *from, void *to, size_t n, int saturate, ingot_cast_counts *counts) {
    const char *in = from;
    char *out = to;
    const __m256 largest = _mm256_set1_ps(0x1.fffffep+127f), sign = _mm256_set1_ps(-0.0f);
    const __m256 threshold = _mm256_set1_ps(65520.0f);
    uint64_t inexact = 0, overflow = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 x = _mm256_loadu_ps((const float *)(in + i * 4));
        __m256 magnitude = _mm256_andnot_ps(sign, x);
        // 65520 is half a step above the largest finite value: from there on rounding overflows.
        __m256 over = _mm256_and_ps(_mm256_cmp_ps(magnitude, threshold, _CMP_GE_OQ),
                                    _mm256_cmp_ps(magnitude, largest, _CMP_LE_OQ));
        unsigned mask = (unsigned)_mm256_movemask_ps(over);
        overflow += (unsigned)__builtin_popcount(mask);
        __m256 value = x;
        if (saturate && mask) {
            __m256 limit = _mm256_or_ps(_mm256_and_ps(x, sign), _mm256_set1_ps(65504.0f));
            value = _mm256_blendv_ps(x, limit, over);
        }
        __m128i half = _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        __m256 differs = _mm256_cmp_ps(_mm256_cvtph_ps(half), x, _CMP_NEQ_OQ);
        inexact += (unsigned)__builtin_popcount((unsigned)_mm256_movemask_ps(differs));
        _mm_storeu_si128((__m128i *)(out + i * 2), half);
    }
    for (; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, in + i * 4, 4);
        encoded e = encode(bits, 10, 15, 0x7bff, 1, saturate);
        uint16_t half = (uint16_t)(e.code | (bits >> 31) << 15);
        memcpy(out + i * 2, &half, 2);
        inexact += e.inexact;
        overflow += e.overflow;
    }
    counts->inexact += inexact;
    counts->overflow += overflow;
}
#endif
