// SPDX-License-Identifier: Apache-2.0
// Rounding with error feedback with AVX-512.
#if defined(__x86_64__)
#define LEVEL avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#include "feedback_template.h"
#endif
