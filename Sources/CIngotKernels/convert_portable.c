// SPDX-License-Identifier: Apache-2.0
// Conversions for any processor.
#define LEVEL portable
#define TARGET
#include "convert_template.h"
