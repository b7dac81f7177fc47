// SPDX-License-Identifier: Apache-2.0
// Symmetric int8 with AVX2.
#if defined(__x86_64__)
#define LEVEL avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "quantize_template.h"
#endif
