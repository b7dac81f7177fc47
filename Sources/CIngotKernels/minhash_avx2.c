// SPDX-License-Identifier: Apache-2.0
// MinHash signatures with AVX2.
#if defined(__x86_64__)
#define LEVEL avx2
#define TARGET __attribute__((target("avx2")))
#include "minhash_template.h"
#endif
