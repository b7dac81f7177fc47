// SPDX-License-Identifier: Apache-2.0
// MinHash signatures for any processor.
#define LEVEL portable
#define TARGET
#include "minhash_template.h"
