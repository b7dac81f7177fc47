// SPDX-License-Identifier: Apache-2.0
// Statistics for any processor.
#define LEVEL portable
#define TARGET
#include "statistics_template.h"
