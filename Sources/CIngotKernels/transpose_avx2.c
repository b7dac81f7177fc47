// SPDX-License-Identifier: Apache-2.0
// Transposing with AVX2, in vectors of 256 bits.
#if defined(__x86_64__)
#define LEVEL avx2
#define TARGET __attribute__((target("avx2")))
#define VECTOR_32 8
#define VECTOR_LOW_32 LOW_8
#define VECTOR_HIGH_32 HIGH_8
#define VECTOR_64 4
#define VECTOR_LOW_64 LOW_4
#define VECTOR_HIGH_64 HIGH_4
#include "transpose_template.h"
#endif
