// SPDX-License-Identifier: Apache-2.0
// Matrix products for any processor. Half precision goes through the conversions.
#define LEVEL portable
#define TARGET
#include "vectors_portable.h"

#include "product_template.h"
