// SPDX-License-Identifier: Apache-2.0
// zlib: CRC-32 and deflate.
#include <zlib.h>
