# SPDX-License-Identifier: Apache-2.0
"""How far logits are from those in float64, of which every engine is asked for the same tokens."""
from __future__ import annotations

import pathlib

import numpy as np

from engines import Engine


def logits(engine: Engine, windows: list[list[int]], folder: pathlib.Path, element: type = np.float32) -> np.ndarray | None:
    """An engine's logits, `[windows, T, V]`, in float64; `None` where it has none."""
    path, found = folder / "logits.bin", []
    for ids in windows:
        if engine.logits(ids, path) is None:
            return None
        found.append(np.fromfile(path, dtype=element).reshape(len(ids), -1).astype(np.float64))
        path.unlink()
    return np.array(found)


def largest_error(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of a logit."""
    return float(np.abs(found - expected).max())


def mean_divergence(found: np.ndarray, expected: np.ndarray) -> float:
    """KL of the expectations to what was found, the mean over tokens, in nats."""
    p, q = log_softmax(expected), log_softmax(found)
    return float((np.exp(p) * (p - q)).sum(-1).mean())


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities."""
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))
