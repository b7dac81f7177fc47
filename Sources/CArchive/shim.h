// SPDX-License-Identifier: Apache-2.0
// libarchive: tar, gzip and 7z, with what Swift can't import of its macros.
#include <archive.h>
#include <archive_entry.h>

// Whether an entry is a plain file with bytes of its own: no folder, link or device.
static inline int ingot_archive_is_file(struct archive_entry *entry) {
  return archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == NULL;
}

// Whether an entry is a folder.
static inline int ingot_archive_is_folder(struct archive_entry *entry) {
  return archive_entry_filetype(entry) == AE_IFDIR;
}
