// SPDX-License-Identifier: Apache-2.0
// Memory of kernels: large parts on large pages, where the system has them to give.
#ifndef INGOT_MEMORY_H
#define INGOT_MEMORY_H

#include <stddef.h>

#pragma clang assume_nonnull begin

/// `count` bytes, aligned to 64 or more, with anything in them; NULL when there is no memory. From 256 KiB on they are
/// whole pages of their own, from 2 MiB on the large ones of 2 MiB where they fit: reading weights is a tenth faster with
/// them, and no byte beyond the last small page is taken.
void *_Nullable ingot_memory_allocate(size_t count);

/// Gives back what `ingot_memory_allocate` gave for the same `count`.
void ingot_memory_free(void *memory, size_t count);

#pragma clang assume_nonnull end
#endif
