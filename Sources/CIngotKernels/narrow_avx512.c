// SPDX-License-Identifier: Apache-2.0
// Products of bf16 and of int8 with AVX-512 VNNI and BF16.
#if defined(__x86_64__)
#define LEVEL avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,fma")))
#include "vectors_avx512.h"

#define DOT_BF16(sum, x, w) (vec) _mm512_dpbf16_ps((__m512)(sum), (__m512bh)(w), (__m512bh)_mm512_set1_epi32((int)(x)))
#define DOT_S8(sum, x, w) (ints) _mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(w), _mm512_set1_epi32((int)(x)))

#include "narrow_template.h"
#endif
