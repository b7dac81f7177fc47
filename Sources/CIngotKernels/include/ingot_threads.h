// SPDX-License-Identifier: Apache-2.0
// A pool of threads that share the chunks of one job. The caller works too, can finish every chunk itself, and waits
// only for chunks that another thread has really begun.
#ifndef INGOT_THREADS_H
#define INGOT_THREADS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// A pool; opaque.
typedef struct ingot_pool ingot_pool;

/// Work on one chunk. Runs on any thread of the pool; no two threads of a job have the same slot, which is at most the
/// number of helpers.
typedef void ingot_chunk_function(void *context, size_t slot, size_t chunk);

/// Makes a pool of `helpers` threads beside the caller's. Returns NULL when memory is short; a thread that can't be
/// started is left out.
ingot_pool *_Nullable ingot_pool_create(size_t helpers);

/// Stops and joins the threads, and frees the pool. No job may be running.
void ingot_pool_destroy(ingot_pool *pool);

/// Calls `function(context, slot, chunk)` once for each chunk in `[0, count)` and returns when all are done. When the pool is
/// busy with another caller's job, or `count` is 1, the caller does all alone. `count` is below 2^31.
void ingot_pool_run(ingot_pool *pool, size_t count, ingot_chunk_function *function, void *context);

/// Processors this process may run on; at least 1.
size_t ingot_processor_count(void);

#pragma clang assume_nonnull end
#endif
