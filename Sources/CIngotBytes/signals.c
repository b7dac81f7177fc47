// SPDX-License-Identifier: Apache-2.0
// A file that shrinks while it is mapped raises SIGBUS: inside one of our maps that is an I/O error of the source
// (exit 74), anywhere else it keeps its default action. Only async-signal-safe calls stand in the handlers.
#define _GNU_SOURCE
#include "ingot_bytes.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { MAX_MAPPINGS = 256, MAX_PATH_BYTES = 512, EXIT_IO = 74 };

struct mapping {
    atomic_uintptr_t start;
    atomic_size_t byte_count;
    char path[MAX_PATH_BYTES];
};

static struct mapping mappings[MAX_MAPPINGS];
static atomic_flag mapping_lock = ATOMIC_FLAG_INIT;
static atomic_int interrupted;

static void write_text(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void on_bus_error(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr;
    for (int slot = 0; slot < MAX_MAPPINGS; slot++) {
        uintptr_t start = atomic_load(&mappings[slot].start);
        if (start == 0 || address < start || address - start >= atomic_load(&mappings[slot].byte_count)) continue;
        write_text("ingot: ");
        write_text(mappings[slot].path);
        write_text(": the file became shorter while it was read\n");
        _exit(EXIT_IO);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void ingot_install_mapping_fault_handler(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

int ingot_register_mapping(const void *start, size_t byte_count, const char *path) {
    int taken = -1;
    while (atomic_flag_test_and_set(&mapping_lock)) continue;
    for (int slot = 0; slot < MAX_MAPPINGS && taken < 0; slot++) {
        if (atomic_load(&mappings[slot].start) != 0) continue;
        strncpy(mappings[slot].path, path, MAX_PATH_BYTES - 1);
        mappings[slot].path[MAX_PATH_BYTES - 1] = 0;
        atomic_store(&mappings[slot].byte_count, byte_count);
        atomic_store(&mappings[slot].start, (uintptr_t)start);
        taken = slot;
    }
    atomic_flag_clear(&mapping_lock);
    return taken;
}

void ingot_unregister_mapping(int slot) {
    if (slot < 0 || slot >= MAX_MAPPINGS) return;
    atomic_store(&mappings[slot].start, 0);
}

static void on_interrupt(int signal_number) {
    if (atomic_exchange(&interrupted, 1) != 0) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
}

void ingot_install_interrupt_handler(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int ingot_interrupted(void) { return atomic_load(&interrupted); }
