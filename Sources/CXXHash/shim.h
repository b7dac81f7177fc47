// SPDX-License-Identifier: Apache-2.0
// xxHash: XXH3.
#include <xxhash.h>
