// SPDX-License-Identifier: Apache-2.0
// Products of bf16 and of int8 for any processor.
#define LEVEL portable
#define TARGET
#include "vectors_portable.h"

#include "narrow_template.h"
