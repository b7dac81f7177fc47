// SPDX-License-Identifier: Apache-2.0
// Work that is asked to end: what a signal is for a process, for the threads that work for one task.
#include "ingot_bytes.h"

#include <stdatomic.h>
#include <stdlib.h>

struct ingot_cancellation {
    atomic_int cancelled;
};

static _Thread_local const ingot_cancellation *watched;

ingot_cancellation *ingot_cancellation_create(void) { return calloc(1, sizeof(ingot_cancellation)); }

void ingot_cancellation_free(ingot_cancellation *cancellation) { free(cancellation); }

void ingot_cancel(ingot_cancellation *cancellation) { atomic_store(&cancellation->cancelled, 1); }

void ingot_watch(const ingot_cancellation *cancellation) { watched = cancellation; }

const ingot_cancellation *ingot_watched(void) { return watched; }

int ingot_is_cancelled(void) { return watched != NULL && atomic_load(&watched->cancelled); }
