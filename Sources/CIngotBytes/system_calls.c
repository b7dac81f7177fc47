// SPDX-License-Identifier: Apache-2.0
// Thin shims over Linux system calls; no logic of their own.
#define _GNU_SOURCE
#include "ingot_bytes.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

ssize_t ingot_copy_file_range(int in_fd, int64_t in_offset, int out_fd, int64_t out_offset, size_t count) {
    off64_t from = in_offset;
    off64_t to = out_offset;
    return copy_file_range(in_fd, &from, out_fd, &to, count, 0);
}

int ingot_allocate(int fd, int64_t byte_count) { return fallocate(fd, 0, 0, byte_count); }

int ingot_memory_free_space(int fd, uint64_t *byte_count) {
    struct statfs system;
    if (fstatfs(fd, &system) != 0) return -1;
    if (system.f_type != TMPFS_MAGIC) return 0;
    // One without a limit has no blocks.
    if (system.f_blocks == 0 || __builtin_mul_overflow(system.f_bavail, (uint64_t)system.f_bsize, byte_count)) {
        *byte_count = UINT64_MAX;
    }
    return 1;
}

int ingot_rename_no_replace(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

int ingot_rename_exchange(const char *first, const char *second) {
    return renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE);
}

int ingot_is_mount_point(const char *path) {
    struct statx status;
    if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &status) != 0) return -1;
    if (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) {
        return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    }
    // Linux before 5.8 does not say; a part of the same file system is not told then.
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat own, outer;
    int is_known = folder >= 0 && fstat(folder, &own) == 0 && fstatat(folder, "..", &outer, 0) == 0;
    if (folder >= 0) close(folder);
    return is_known ? own.st_dev != outer.st_dev : -1;
}

void ingot_return_freed_memory(void) {
#ifdef M_MMAP_THRESHOLD
    // Left alone, the threshold grows with the first large block that is freed, up to 32 MiB, and later ones are cut out of
    // a heap whose end they hold.
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 22);
#endif
}

int ingot_terminal_columns(int fd) {
    struct winsize size;
    if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0) return 0;
    return size.ws_col > 0 ? size.ws_col : 80;
}
