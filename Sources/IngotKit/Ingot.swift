// SPDX-License-Identifier: Apache-2.0
// The library's front door: a verb a function, each in the file that is called so.

/// What can be done with checkpoints: each function takes a path and options, and gives a report.
public enum Ingot {}
