// SPDX-License-Identifier: Apache-2.0
// Matrix products with AVX-512: tiles of 14 x 32, 28 of the 32 registers.
#if defined(__x86_64__)
#define LEVEL avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
#include "vectors_avx512.h"

#include "product_template.h"
#endif
