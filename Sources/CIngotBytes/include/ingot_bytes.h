// SPDX-License-Identifier: Apache-2.0
// Linux system calls that Swift's Glibc module lacks, a handler for faults inside mapped files, and CRC-32C.
#ifndef INGOT_BYTES_H
#define INGOT_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// How CRC-32 is computed here: 0 not by this code, 1 with PCLMULQDQ, 2 with VPCLMULQDQ on 512 bits. The environment
/// variable INGOT_CPU lowers it: `portable` to 0, `avx2` to 1.
int ingot_crc32_level(void);

/// Feeds the leading bytes that a level takes to a CRC-32 (IEEE, as zlib's); the caller feeds the rest to zlib.
/// Returns how many it took: all but at most 15, or 0 when there are too few or `level` is 0.
size_t ingot_crc32_fold(int level, uint32_t *crc, const void *bytes, size_t count);

/// Copies `count` bytes between files inside the kernel; as copy_file_range(2), but with offsets by value.
/// Returns the bytes copied, or -1 with errno.
ssize_t ingot_copy_file_range(int in_fd, int64_t in_offset, int out_fd, int64_t out_offset, size_t count);

/// Reserves the first `byte_count` bytes of a file; fallocate(2).
int ingot_allocate(int fd, int64_t byte_count);

/// The free space of the file system that a file is in, where that is in memory; fstatfs(2).
/// Returns 1, or 0 for another file system, or -1 with errno.
int ingot_memory_free_space(int fd, uint64_t *byte_count);

/// Gives the open `fd` the owner, where that is allowed, the extended attributes and the mode of what stands at `path`.
/// Returns 0, also when nothing stands there, or -1 with errno.
int ingot_take_over_attributes(const char *path, int fd);

/// Renames `from` to `to` unless `to` exists (EEXIST); renameat2(2) with RENAME_NOREPLACE.
int ingot_rename_no_replace(const char *from, const char *to);

/// Exchanges two paths in one step; renameat2(2) with RENAME_EXCHANGE.
int ingot_rename_exchange(const char *first, const char *second);

/// Whether a file system, or a part of one, is mounted on a folder: 1 or 0, and -1 with errno when it can't be told;
/// statx(2).
int ingot_is_mount_point(const char *path);

/// Makes a reading fault inside a registered range end the process with one line and status 74.
/// A fault anywhere else keeps the default action. Safe to call more than once.
void ingot_install_mapping_fault_handler(void);

/// Makes that line an object for programs: its pieces, of at most 511 bytes each, around the path, which stands twice in
/// strings of JSON.
void ingot_tell_mapping_faults(const char *before, const char *between, const char *behind);

/// Registers a mapped range with the path shown when reading it faults. Returns a slot, or -1 when all are taken.
int ingot_register_mapping(const void *start, size_t byte_count, const char *path);

/// Forgets the range of a slot.
void ingot_unregister_mapping(int slot);

/// Makes SIGINT, SIGTERM, SIGQUIT, SIGXCPU and SIGHUP, unless the last is ignored, end the process: at once with
/// `last_words` (at most 511 bytes) on standard error and status 130, or, while something holds them, by a flag. The
/// second signal kills, but for SIGXCPU.
void ingot_install_interrupt_handler(const char *last_words);

/// Holds the end by a signal back, as often as this is called, until all is released. Returns whether one has come.
int ingot_hold_interrupts(void);

/// Undoes one hold.
void ingot_release_interrupts(void);

/// Whether such a signal came since the handler was installed, or this thread's work is cancelled.
int ingot_interrupted(void);

/// A request that the work of some threads ends.
typedef struct ingot_cancellation ingot_cancellation;

/// Makes a request that is not made yet; null without memory.
ingot_cancellation *ingot_cancellation_create(void);

/// Frees one that no thread watches.
void ingot_cancellation_free(ingot_cancellation *cancellation);

/// Makes the request; from any thread.
void ingot_cancel(ingot_cancellation *cancellation);

/// Lets this thread's work end on request; null for never.
void ingot_watch(const ingot_cancellation *cancellation);

/// The request that this thread watches.
const ingot_cancellation *ingot_watched(void);

/// Whether the request that this thread watches is made.
int ingot_is_cancelled(void);

/// Continues a CRC-32C (Castagnoli) over `count` more bytes; it starts from 0.
uint32_t ingot_crc32c(uint32_t crc, const void *bytes, size_t count);

/// The same by a table, which any processor can; the judge of the fast one.
uint32_t ingot_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

/// Makes memory that is freed go back to the system: blocks of a megabyte and more are pages of their own from now on,
/// however many are made and freed.
void ingot_return_freed_memory(void);

/// Columns of the terminal on `fd`, or 0 when it is none.
int ingot_terminal_columns(int fd);

#endif
