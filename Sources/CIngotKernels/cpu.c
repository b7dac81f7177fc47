// SPDX-License-Identifier: Apache-2.0
// Finds the instruction sets that kernels may use. The choice itself is KernelTable's.
#include "ingot_cpu.h"

#include <stdlib.h>

int ingot_cpu_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    int has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (!has_avx2) return 0;
    return has_avx512 ? 2 : 1;
#else
    return 0;
#endif
}

int ingot_cpu_has_narrow_dots(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
#else
    return 0;
#endif
}

const char *ingot_cpu_request(void) { return getenv("INGOT_CPU"); }
