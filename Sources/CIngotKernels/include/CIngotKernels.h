// SPDX-License-Identifier: Apache-2.0
// Loops over numbers; one header a subject, one source file an operator and instruction set.
#ifndef C_INGOT_KERNELS_H
#define C_INGOT_KERNELS_H

#include "ingot_blocks.h"
#include "ingot_convert.h"
#include "ingot_cpu.h"
#include "ingot_feedback.h"
#include "ingot_grids.h"
#include "ingot_math.h"
#include "ingot_memory.h"
#include "ingot_minhash.h"
#include "ingot_narrow.h"
#include "ingot_product.h"
#include "ingot_quantize.h"
#include "ingot_random.h"
#include "ingot_rows.h"
#include "ingot_statistics.h"
#include "ingot_threads.h"
#include "ingot_transpose.h"

#endif
