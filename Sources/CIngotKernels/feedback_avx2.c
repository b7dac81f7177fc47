// SPDX-License-Identifier: Apache-2.0
// Rounding with error feedback with AVX2.
#if defined(__x86_64__)
#define LEVEL avx2
#define TARGET __attribute__((target("avx2")))
#include "feedback_template.h"
#endif
