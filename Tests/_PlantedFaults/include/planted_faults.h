// SPDX-License-Identifier: Apache-2.0
// Faults made on purpose, each of a kind that a sanitizer has to report: Scripts/test-sanitizers fails when it does not.
#ifndef PLANTED_FAULTS_H
#define PLANTED_FAULTS_H

/// Reads the byte behind a block of memory: for the address sanitizer.
int planted_overread(int count);

/// Adds 1 to a number that may be the largest: for the undefined-behaviour sanitizer.
int planted_overflow(int number);

/// Two threads that write one number without a lock: for the thread sanitizer.
int planted_race(void);

#endif
