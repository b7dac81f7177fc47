// SPDX-License-Identifier: Apache-2.0
// Normal deviates for any processor.
#define LEVEL portable
#define TARGET
#include "random_template.h"
