// SPDX-License-Identifier: Apache-2.0
// What a file is besides its bytes: owner, mode and extended attributes, access lists among them. What replaces a file
// takes them over; a file system that has none, or a right that is missing, is no error but for the mode.
#define _GNU_SOURCE
#include "ingot_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/// The names of a file's extended attributes, each ended by a zero; NULL when there are none. The caller frees them.
static char *attribute_names(int fd, ssize_t *byte_count) {
    *byte_count = flistxattr(fd, NULL, 0);
    char *names = *byte_count > 0 ? malloc((size_t)*byte_count) : NULL;
    if (names != NULL) *byte_count = flistxattr(fd, names, (size_t)*byte_count);
    return names;
}

/// Copies one attribute.
static void copy_attribute(int from, int to, const char *name) {
    ssize_t size = fgetxattr(from, name, NULL, 0);
    void *value = size < 0 ? NULL : malloc((size_t)size + 1);
    if (value == NULL) return;
    size = fgetxattr(from, name, value, (size_t)size);
    if (size >= 0) fsetxattr(to, name, value, (size_t)size, 0);
    free(value);
}

/// Gives `to` the attributes of `from`, and none that it got from its folder and the other does not have.
static void copy_attributes(int from, int to) {
    ssize_t end;
    char *names = attribute_names(to, &end);
    for (ssize_t at = 0; names != NULL && at < end; at += (ssize_t)strlen(names + at) + 1) {
        if (fgetxattr(from, names + at, NULL, 0) < 0 && errno == ENODATA) fremovexattr(to, names + at);
    }
    free(names);
    names = attribute_names(from, &end);
    for (ssize_t at = 0; names != NULL && at < end; at += (ssize_t)strlen(names + at) + 1) {
        copy_attribute(from, to, names + at);
    }
    free(names);
}

int ingot_take_over_attributes(const char *path, int fd) {
    struct stat old;
    if (stat(path, &old) != 0) return errno == ENOENT ? 0 : -1;
    // A file that can't be read has attributes that can't be; owner and mode need no right to read.
    int from = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    mode_t mode = old.st_mode & 07777;
    if (fchown(fd, old.st_uid, old.st_gid) != 0) {
        // Nobody sets ids by the new owner's file, and another group gets what all others have.
        mode &= 0777;
        if (fchown(fd, (uid_t)-1, old.st_gid) != 0) mode &= 0707 | ((mode & 07) << 3);
    }
    if (from >= 0) {
        copy_attributes(from, fd);
        close(from);
    }
    int result = fchmod(fd, mode);
    return result != 0 && (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) ? 0 : result;
}
