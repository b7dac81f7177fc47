// SPDX-License-Identifier: Apache-2.0
// What the machine can do at the most: arithmetic from registers, memory read and memory copied.
#ifndef MACHINE_LIMITS_H
#define MACHINE_LIMITS_H

/// What is measured. Arithmetic counts a multiplication and an addition as two operations; a copied byte counts once.
typedef enum {
  machine_fma_f32,
  machine_dot_bf16,
  machine_dot_i8,
  machine_read,
  machine_copy,
} machine_work;

/// Operations or bytes a second of so many threads at once (at most 64), measured for about a tenth of a second.
/// Returns 0 where the processor lacks the instruction or the memory is not to be had.
double machine_rate(machine_work work, int thread_count);

#endif
