// SPDX-License-Identifier: Apache-2.0
// Matrix products with AVX2, FMA and F16C: tiles of 6 x 16.
#if defined(__x86_64__)
#define LEVEL avx2
#define TARGET __attribute__((target("avx2,fma,f16c")))
#include "vectors_avx2.h"

#include "product_template.h"
#endif
