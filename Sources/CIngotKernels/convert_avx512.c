// SPDX-License-Identifier: Apache-2.0
// Conversions with AVX-512.
#if defined(__x86_64__)
#define LEVEL avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define HAS_OWN_F16
#include "convert_template.h"

#include <immintrin.h>

KERNEL NAME(widen_f16_f32)(const void *from, void *to, size_t n) {
    const char *in = from;
    char *out = to;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = n - i >= 16 ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
        __m512 x = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, in + i * 2));
        _mm512_mask_storeu_ps(out + i * 4, lanes, x);
    }
}

KERNEL NAME(f32_f16)(const void *from, void *to, size_t n, int saturate, ingot_cast_counts *counts) {
    const char *in = from;
    char *out = to;
    const __m512 largest = _mm512_set1_ps(0x1.fffffep+127f), threshold = _mm512_set1_ps(65520.0f);
    uint64_t inexact = 0, overflow = 0;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 lanes = n - i >= 16 ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
        __m512 x = _mm512_maskz_loadu_ps(lanes, in + i * 4);
        __m512 magnitude = _mm512_abs_ps(x);
        // 65520 is half a step above the largest finite value: from there on rounding overflows.
        __mmask16 over = _mm512_cmp_ps_mask(magnitude, threshold, _CMP_GE_OQ) &
                         _mm512_cmp_ps_mask(magnitude, largest, _CMP_LE_OQ);
        overflow += (unsigned)__builtin_popcount(over);
        __m512 value = x;
        if (saturate && over) {
            __m512 limit = _mm512_or_ps(_mm512_and_ps(x, _mm512_set1_ps(-0.0f)), _mm512_set1_ps(65504.0f));
            value = _mm512_mask_mov_ps(x, over, limit);
        }
        __m256i half = _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        inexact += (unsigned)__builtin_popcount(_mm512_cmp_ps_mask(_mm512_cvtph_ps(half), x, _CMP_NEQ_OQ));
        _mm256_mask_storeu_epi16(out + i * 2, lanes, half);
    }
    counts->inexact += inexact;
    counts->overflow += overflow;
}
#endif
