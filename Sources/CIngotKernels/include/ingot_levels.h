// SPDX-License-Identifier: Apache-2.0
// How a subject's kernels are kept: one constant structure of functions a CPU level, written at the end of its template.
#ifndef INGOT_LEVELS_H
#define INGOT_LEVELS_H

/// Swift may pass it between threads: it is a constant.
#define INGOT_SENDABLE __attribute__((swift_attr("@Sendable")))

/// A field that is a function: `void INGOT_KERNEL(add)(const float *x, size_t n);`.
#define INGOT_KERNEL(name) (*INGOT_SENDABLE name)

/// Declares the structures of all levels, `KERNELS_portable` and so on, and `KERNELS_of(level)`, which gives that of a level
/// as ingot_cpu.h counts them; `highest` is the suffix of what level 2 takes.
#if defined(__x86_64__)
#define INGOT_LEVELS(kernels, highest)                                                                                \
    extern const kernels kernels##_portable, kernels##_avx2, kernels##_##highest;                                     \
    static inline kernels kernels##_of(int level) {                                                                   \
        return level >= 2 ? kernels##_##highest : level == 1 ? kernels##_avx2 : kernels##_portable;                   \
    }
#else
#define INGOT_LEVELS(kernels, highest)                                                                                \
    extern const kernels kernels##_portable;                                                                          \
    static inline kernels kernels##_of(int level) { return (void)level, kernels##_portable; }
#endif

#endif
