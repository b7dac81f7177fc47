# SPDX-License-Identifier: Apache-2.0
"""What commands say of a file that they only read, beside what it holds.

A program of its own, so that the one that times commands stays small: their peak memory begins with its own.
"""
from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess
import sys

import numpy as np
from safetensors import safe_open

# What ingot prints of each tensor, by workload; a peer prints a JSON object of the same lists by name.
INGOT = {
    "list tensors": (["inspect", "--json"], lambda tensor: tensor["shape"]),
    "statistics of every tensor": (
        ["inspect", "--stats", "--json"],
        lambda tensor: [tensor["stats"][key] for key in ("min", "max", "mean", "std", "nan")]),
    "SHA-256 of every tensor": (["hash", "--json"], lambda tensor: tensor["sha256"]),
}
# What a file holds, from an array; statistics in float64.
TRUTH = {
    "list tensors": lambda array: list(array.shape),
    "statistics of every tensor": lambda array: [float(f(array.astype(np.float64))) for f in (
        np.min, np.max, np.mean, np.std, lambda values: np.isnan(values).sum())],
    "SHA-256 of every tensor": lambda array: hashlib.sha256(array.tobytes()).hexdigest(),
}


def check(workload: str, ingot: str, source: pathlib.Path, peers: dict[str, list[str]]) -> dict[str, str]:
    """What each tool's answer comes to, by tool."""
    words, value = INGOT[workload]
    tensors = json.loads(output([ingot, words[0], source, *words[1:]]))["tensors"]
    found = {"ingot": {tensor["name"]: value(tensor) for tensor in tensors}}
    found |= {tool: json.loads(output(command)) for tool, command in peers.items()}
    with safe_open(source, "numpy") as file:
        expected = {name: TRUTH[workload](file.get_tensor(name)) for name in file.keys()}
    return {tool: compared(answer, expected) for tool, answer in found.items()}


def output(command: list) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def compared(found: dict, expected: dict) -> str:
    """In words: the same, or how far numbers are off, in parts of the tensor's standard deviation."""
    if found == expected:
        return "same answers"
    numbers = isinstance(next(iter(expected.values())), list)
    if not numbers or found.keys() != expected.keys() or any(len(found[name]) != len(expected[name]) for name in found):
        return "other answers"
    off = max(abs(a - b) / (max(expected[name][3], 1e-30) if len(expected[name]) == 5 else 1)
              for name in found for a, b in zip(found[name], expected[name]))
    return f"off by {off:.1e} of a deviation"


if __name__ == "__main__":
    name, program, path, commands = sys.argv[1:]
    print(json.dumps(check(name, program, pathlib.Path(path), json.loads(commands))))
