# SPDX-License-Identifier: Apache-2.0
"""The programs that checkpoints come from and go to, a module each; every one runs in a process of its own.

A module has `version() -> str` and some of
    logits(path, ids, config) -> float array [batch, tokens, vocabulary], from a checkpoint that ingot wrote,
    write(source, target) -> path of the checkpoint that the program itself writes of a transformers folder.
"""
