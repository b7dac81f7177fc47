// SPDX-License-Identifier: Apache-2.0
// Functions of the C library that Swift's standard library lacks.
#ifndef INGOT_MATH_H
#define INGOT_MATH_H

#include <math.h>

/// The decimal logarithm.
static inline double ingot_log10(double x) { return log10(x); }

/// The natural logarithm.
static inline double ingot_log(double x) { return log(x); }

/// The exponential function.
static inline double ingot_exp(double x) { return exp(x); }

#endif
