// SPDX-License-Identifier: Apache-2.0
// Row and element operators for any processor.
#define LEVEL portable
#define TARGET
#include "rows_template.h"
