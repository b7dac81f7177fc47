// SPDX-License-Identifier: Apache-2.0
// The commit that Package.swift passes on: a value that changes with every commit, in a file that compiles at once.
#include "ingot_version.h"

#ifndef INGOT_COMMIT
#define INGOT_COMMIT ""
#endif

const char *ingot_commit(void) { return INGOT_COMMIT; }
