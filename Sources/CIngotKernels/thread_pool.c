// SPDX-License-Identifier: Apache-2.0
// The pool of ingot_threads.h. One 64-bit word holds the job's number and the next chunk; a thread claims a chunk by
// compare-and-swap on it, so that one that slept through a job can claim nothing of a later one.
#define _GNU_SOURCE
#include "ingot_threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

// The chunk number of a word between jobs: nothing to claim.
#define CLOSED 0xffffffffu
// Looks at the word before a thread goes to sleep: some twenty microseconds, the gap between two operators.
enum { SPINS = 2000 };

struct ingot_pool {
    // The job: written while the word is closed, read before a claim.
    _Atomic(ingot_chunk_function *) function;
    _Atomic(void *) context;
    _Atomic size_t count;
    // Job number in the upper half, next chunk in the lower.
    _Atomic uint64_t word;
    _Atomic size_t done;

    // Held by the caller whose job runs.
    pthread_mutex_t job;
    // Protects sleeping.
    pthread_mutex_t sleep;
    pthread_cond_t work, finished;
    _Atomic int sleepers;
    _Atomic int stopping;
    // Slots given to helpers so far; the caller's is 0.
    _Atomic size_t slots;

    size_t helpers;
    pthread_t threads[];
};

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/// Claims and runs chunks until none is left.
static void work_on_job(ingot_pool *pool, size_t slot) {
    uint64_t word = atomic_load(&pool->word);
    for (;;) {
        uint32_t chunk = (uint32_t)word;
        if (chunk == CLOSED) return;
        size_t count = atomic_load(&pool->count);
        ingot_chunk_function *function = atomic_load(&pool->function);
        void *context = atomic_load(&pool->context);
        if (chunk >= count) return;
        // A job's fields change only while the word is closed: if the word still is what it was, they belong to it.
        if (!atomic_compare_exchange_weak(&pool->word, &word, word + 1)) continue;
        function(context, slot, chunk);
        if (atomic_fetch_add(&pool->done, 1) + 1 == count) {
            pthread_mutex_lock(&pool->sleep);
            pthread_cond_broadcast(&pool->finished);
            pthread_mutex_unlock(&pool->sleep);
        }
        word = atomic_load(&pool->word);
    }
}

/// Whether a chunk is there to claim.
static int has_work(ingot_pool *pool) {
    uint32_t chunk = (uint32_t)atomic_load(&pool->word);
    return chunk != CLOSED && chunk < atomic_load(&pool->count);
}

static void *help(void *argument) {
    ingot_pool *pool = argument;
    const size_t slot = atomic_fetch_add(&pool->slots, 1) + 1;
    while (!atomic_load(&pool->stopping)) {
        int spins = 0;
        while (!has_work(pool) && spins < SPINS && !atomic_load(&pool->stopping)) {
            pause_briefly();
            spins++;
        }
        if (!has_work(pool)) {
            pthread_mutex_lock(&pool->sleep);
            atomic_fetch_add(&pool->sleepers, 1);
            while (!has_work(pool) && !atomic_load(&pool->stopping)) pthread_cond_wait(&pool->work, &pool->sleep);
            atomic_fetch_sub(&pool->sleepers, 1);
            pthread_mutex_unlock(&pool->sleep);
        }
        work_on_job(pool, slot);
    }
    return NULL;
}

ingot_pool *ingot_pool_create(size_t helpers) {
    ingot_pool *pool = calloc(1, sizeof *pool + helpers * sizeof(pthread_t));
    if (!pool) return NULL;
    atomic_store(&pool->word, CLOSED);
    pthread_mutex_init(&pool->job, NULL);
    pthread_mutex_init(&pool->sleep, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->finished, NULL);
    while (pool->helpers < helpers && pthread_create(&pool->threads[pool->helpers], NULL, help, pool) == 0) {
        pool->helpers++;
    }
    return pool;
}

void ingot_pool_destroy(ingot_pool *pool) {
    pthread_mutex_lock(&pool->sleep);
    atomic_store(&pool->stopping, 1);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->sleep);
    for (size_t i = 0; i < pool->helpers; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->sleep);
    pthread_mutex_destroy(&pool->job);
    free(pool);
}

/// Opens a job to the threads.
static void publish(ingot_pool *pool, size_t count, ingot_chunk_function *function, void *context) {
    uint64_t number = (atomic_load(&pool->word) >> 32) + 1;
    atomic_store(&pool->word, number << 32 | CLOSED);
    atomic_store(&pool->function, function);
    atomic_store(&pool->context, context);
    atomic_store(&pool->count, count);
    atomic_store(&pool->done, 0);
    atomic_store(&pool->word, number << 32);
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->sleep);
        pthread_cond_broadcast(&pool->work);
        pthread_mutex_unlock(&pool->sleep);
    }
}

/// Waits until every claimed chunk is done: all are claimed.
static void wait_for_others(ingot_pool *pool, size_t count) {
    for (int spins = 0; spins < SPINS; spins++) {
        if (atomic_load(&pool->done) == count) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->sleep);
    while (atomic_load(&pool->done) != count) pthread_cond_wait(&pool->finished, &pool->sleep);
    pthread_mutex_unlock(&pool->sleep);
}

void ingot_pool_run(ingot_pool *pool, size_t count, ingot_chunk_function *function, void *context) {
    if (count <= 1 || pool->helpers == 0 || pthread_mutex_trylock(&pool->job) != 0) {
        for (size_t chunk = 0; chunk < count; chunk++) function(context, 0, chunk);
        return;
    }
    publish(pool, count, function, context);
    work_on_job(pool, 0);
    wait_for_others(pool, count);
    pthread_mutex_unlock(&pool->job);
}

size_t ingot_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return (size_t)CPU_COUNT(&set);
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (size_t)count : 1;
}
