// SPDX-License-Identifier: Apache-2.0
// Blocks with AVX2.
#if defined(__x86_64__)
#define LEVEL avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "blocks_template.h"
#endif
