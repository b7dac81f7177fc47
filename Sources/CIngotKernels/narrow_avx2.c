// SPDX-License-Identifier: Apache-2.0
// Products of bf16 and of int8 with AVX2.
#if defined(__x86_64__)
#define LEVEL avx2
#define TARGET __attribute__((target("avx2,fma,f16c")))
#include "vectors_avx2.h"

#include "narrow_template.h"
#endif
