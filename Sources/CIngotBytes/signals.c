// SPDX-License-Identifier: Apache-2.0
// A file that shrinks while it is mapped raises SIGBUS: inside one of our maps that is an I/O error of the source
// (exit 74), anywhere else it keeps its default action. Only async-signal-safe calls stand in the handlers.
#define _GNU_SOURCE
#include "ingot_bytes.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { MAX_MAPPINGS = 256, MAX_PATH_BYTES = 512, MAX_LINE_BYTES = 8192, EXIT_IO = 74, EXIT_INTERRUPTED = 130 };

struct mapping {
    atomic_uintptr_t start;
    atomic_size_t byte_count;
    char path[MAX_PATH_BYTES];
};

static struct mapping mappings[MAX_MAPPINGS];
static atomic_flag mapping_lock = ATOMIC_FLAG_INIT;
static atomic_flag fault_is_told = ATOMIC_FLAG_INIT;
static atomic_int interrupted;
static atomic_int hold_count;
static char last_words[512];
/// A line's pieces around the path, which stands twice; of the line for people there are two.
static char json_pieces[3][512];

static void write_text(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

/// Appends a text to a line, as far as there is room.
static void append(char *line, const char *text) {
    strncat(line, text, MAX_LINE_BYTES - 1 - strlen(line));
}

/// Appends a path without what a terminal would obey, or as the inside of a JSON string.
static void append_path(char *line, const char *path, int is_json) {
    static const char digits[] = "0123456789abcdef";
    for (; *path != 0; path++) {
        unsigned char byte = (unsigned char)*path;
        int is_control = byte < 0x20 || byte == 0x7F;
        char piece[7] = {is_control ? '?' : *path, 0};
        if (is_json && is_control) {
            memcpy(piece, "\\u00", 4);
            piece[4] = digits[byte >> 4];
            piece[5] = digits[byte & 15];
            piece[6] = 0;
        } else if (is_json && (byte == '"' || byte == '\\')) {
            piece[0] = '\\';
            piece[1] = *path;
            piece[2] = 0;
        }
        append(line, piece);
    }
}

/// Writes one line in one call, and ends the process; threads that fault at the same time wait for that.
static _Noreturn void end_after_fault(const char *path) {
    while (atomic_flag_test_and_set(&fault_is_told)) pause();
    static char line[MAX_LINE_BYTES];
    if (json_pieces[0][0] != 0) {
        append(line, json_pieces[0]);
        append_path(line, path, 1);
        append(line, json_pieces[1]);
        append_path(line, path, 1);
        append(line, json_pieces[2]);
    } else {
        append(line, "ingot: ");
        append_path(line, path, 0);
        append(line, ": the file became shorter while it was read\n");
    }
    write_text(line);
    _exit(EXIT_IO);
}

static void on_bus_error(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr;
    for (int slot = 0; slot < MAX_MAPPINGS; slot++) {
        uintptr_t start = atomic_load(&mappings[slot].start);
        if (start == 0 || address < start || address - start >= atomic_load(&mappings[slot].byte_count)) continue;
        end_after_fault(mappings[slot].path);
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

void ingot_tell_mapping_faults(const char *before, const char *between, const char *behind) {
    const char *pieces[3] = {before, between, behind};
    for (int piece = 2; piece >= 0; piece--) strncpy(json_pieces[piece], pieces[piece], sizeof json_pieces[0] - 1);
}

/// Copies a path as far as there is room for whole characters of UTF-8.
static void copy_path(char *target, const char *path) {
    size_t count = strnlen(path, MAX_PATH_BYTES - 1);
    while (count > 0 && ((unsigned char)path[count] & 0xC0) == 0x80) count--;
    memcpy(target, path, count);
    target[count] = 0;
}

int ingot_register_mapping(const void *start, size_t byte_count, const char *path) {
    int taken = -1;
    while (atomic_flag_test_and_set(&mapping_lock)) continue;
    for (int slot = 0; slot < MAX_MAPPINGS && taken < 0; slot++) {
        if (atomic_load(&mappings[slot].start) != 0) continue;
        copy_path(mappings[slot].path, path);
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

// Where nothing is held, nothing is to be cleaned up: the process ends at once, whatever it waits for. Otherwise what
// holds the interrupt looks at the flag, and cleans up.
static void on_interrupt(int signal_number) {
    if (atomic_exchange(&interrupted, 1) != 0) {
        // This one comes again each second, from nobody who is impatient; the hard limit kills.
        if (signal_number == SIGXCPU) return;
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    } else if (atomic_load(&hold_count) == 0) {
        write_text(last_words);
        _exit(EXIT_INTERRUPTED);
    }
}

void ingot_install_interrupt_handler(const char *words) {
    strncpy(last_words, words, sizeof last_words - 1);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    // Swift's own handler of this one prints a backtrace, and the program goes on.
    sigaction(SIGQUIT, &action, NULL);
    sigaction(SIGXCPU, &action, NULL);
    // Under nohup(1) a lost connection is none of ours.
    struct sigaction inherited;
    if (sigaction(SIGHUP, NULL, &inherited) == 0 && inherited.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
}

// The count goes up before the flag is read, and the handler sets the flag before it reads the count: one sees the other.
int ingot_hold_interrupts(void) {
    atomic_fetch_add(&hold_count, 1);
    return atomic_load(&interrupted);
}

void ingot_release_interrupts(void) { atomic_fetch_sub(&hold_count, 1); }

int ingot_interrupted(void) { return atomic_load(&interrupted) || ingot_is_cancelled(); }
