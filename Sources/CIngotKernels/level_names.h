// SPDX-License-Identifier: Apache-2.0
// The names of an instruction set's functions, and how those are made that only these call. Included by templates, with LEVEL
// (suffix of the names) and TARGET (function attribute) defined.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(base) JOIN(base##_, LEVEL)
#define INLINE static inline __attribute__((always_inline)) TARGET
