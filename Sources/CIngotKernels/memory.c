// SPDX-License-Identifier: Apache-2.0
// Memory of kernels, by ingot_memory.h.
#define _GNU_SOURCE
#include "ingot_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t)1 << 21)
#define SMALL_PAGE ((size_t)1 << 12)
// From here on memory is pages of its own, which go back when it is freed: in the heap, small neighbours that stay would
// cut what was freed into pieces that the next buffer does not fit.
#define OWN_PAGES ((size_t)1 << 18)

static size_t rounded_up(size_t count, size_t unit) { return (count + unit - 1) / unit * unit; }

/// Whole pages; from LARGE_PAGE on they begin at a multiple of it.
static void *map_pages(size_t size) {
    const size_t spare = size >= LARGE_PAGE ? LARGE_PAGE : 0;
    char *start = mmap(NULL, size + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    if (spare == 0) return start;
    const size_t before = rounded_up((uintptr_t)start, LARGE_PAGE) - (uintptr_t)start;
    if (before > 0) munmap(start, before);
    if (before < LARGE_PAGE) munmap(start + before + size, LARGE_PAGE - before);
#ifdef MADV_HUGEPAGE
    // Refused where the system has no large pages: then small ones do.
    madvise(start + before, size, MADV_HUGEPAGE);
#endif
    return start + before;
}

void *ingot_memory_allocate(size_t count) {
    if (count > SIZE_MAX - 2 * LARGE_PAGE) return NULL;
    if (count >= OWN_PAGES) return map_pages(rounded_up(count, SMALL_PAGE));
    return aligned_alloc(64, rounded_up(count > 0 ? count : 1, 64));
}

void ingot_memory_free(void *memory, size_t count) {
    if (count >= OWN_PAGES) {
        munmap(memory, rounded_up(count, SMALL_PAGE));
    } else {
        free(memory);
    }
}
