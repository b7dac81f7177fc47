// SPDX-License-Identifier: Apache-2.0
// What the processor offers, and what the environment asks for.
#ifndef INGOT_CPU_H
#define INGOT_CPU_H

#pragma clang assume_nonnull begin

/// The highest level of kernels that processor and system carry: 0 portable, 1 AVX2 with FMA and F16C,
/// 2 AVX-512 (F, BW, DQ, VL).
int ingot_cpu_level(void);

/// Whether the processor also has what products of bf16 and int8 use at level 2: AVX-512 VNNI and BF16.
int ingot_cpu_has_narrow_dots(void);

/// The value of the environment variable INGOT_CPU, or NULL.
const char *_Nullable ingot_cpu_request(void);

#pragma clang assume_nonnull end
#endif
