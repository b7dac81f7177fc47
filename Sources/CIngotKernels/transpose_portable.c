// SPDX-License-Identifier: Apache-2.0
// Transposing for any processor, in vectors of 128 bits.
#define LEVEL portable
#define TARGET
#define VECTOR_32 4
#define VECTOR_LOW_32 LOW_4
#define VECTOR_HIGH_32 HIGH_4
#define VECTOR_64 2
#define VECTOR_LOW_64 LOW_2
#define VECTOR_HIGH_64 HIGH_2
#include "transpose_template.h"
