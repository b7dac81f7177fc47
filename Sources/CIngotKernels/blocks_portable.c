// SPDX-License-Identifier: Apache-2.0
// Blocks for any processor.
#define LEVEL portable
#define TARGET
#include "blocks_template.h"
