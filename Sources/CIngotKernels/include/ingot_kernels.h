// SPDX-License-Identifier: Apache-2.0
// Loops over numbers; one source file an operator. Shapes stand at every pointer.
#ifndef INGOT_KERNELS_H
#define INGOT_KERNELS_H
#endif
