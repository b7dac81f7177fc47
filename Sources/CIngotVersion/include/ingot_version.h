// SPDX-License-Identifier: Apache-2.0
// Which state of the sources a program was built from.
#ifndef INGOT_VERSION_H
#define INGOT_VERSION_H

// The commit, as `make` finds it; empty where the build was not told of one.
const char *_Nonnull ingot_commit(void);

#endif
