// SPDX-License-Identifier: Apache-2.0
// Row and element operators with AVX2 and FMA.
#if defined(__x86_64__)
#define LEVEL avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "rows_template.h"
#endif
