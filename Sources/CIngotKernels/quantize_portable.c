// SPDX-License-Identifier: Apache-2.0
// Symmetric int8 for any processor.
#define LEVEL portable
#define TARGET
#include "quantize_template.h"
