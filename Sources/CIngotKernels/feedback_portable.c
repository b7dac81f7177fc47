// SPDX-License-Identifier: Apache-2.0
// Rounding with error feedback for any processor.
#define LEVEL portable
#define TARGET
#include "feedback_template.h"
