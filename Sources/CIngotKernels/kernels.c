// SPDX-License-Identifier: Apache-2.0
#include "ingot_kernels.h"
