# SPDX-License-Identifier: Apache-2.0
"""Tries ways to round fixtures/kjv-gpt2 to int8 in float64 and prints what each costs on text that was not seen.

usage: python3 Benchmarks/rounding_trials.py [--windows 48] [--calibration-windows 64]
Needs numpy and safetensors, and nothing of Ingot's but its fixtures: it is where a method is judged before it is built.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import sys
from collections.abc import Callable

import numpy as np
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "fixtures" / "generate"))
import numpy_gpt2  # noqa: E402

KJV = ROOT / "fixtures" / "kjv-gpt2"
LENGTH = 256
Arrays = dict[str, np.ndarray]
CONFIG = json.loads((KJV / "config.json").read_text())
SOURCE: Arrays = {name.removeprefix("transformer."): value.astype(np.float64)
                  for name, value in load_file(KJV / "model.safetensors").items()}
TABLE = "wte.weight"
BLOCKS = [name for name, value in SOURCE.items() if name.startswith("h.") and name.endswith(".weight") and value.ndim == 2]


def outputs_first(name: str, weights: Arrays) -> np.ndarray:
    """A weight as [out, in]."""
    return weights[name] if name == TABLE else weights[name].T


def log_probabilities(weights: Arrays, ids: np.ndarray) -> np.ndarray:
    """What the model expects behind each token."""
    logits = numpy_gpt2.forward(weights, CONFIG, {"input_ids": ids})["logits"]
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def inputs(weights: Arrays, ids: np.ndarray) -> Arrays:
    """What each weight is multiplied by."""
    found: Arrays = {}
    plain = numpy_gpt2.linear

    def linear(x: np.ndarray, own: Arrays, name: str) -> np.ndarray:
        found[f"{name}.weight"] = x.reshape(-1, x.shape[-1])
        return plain(x, own, name)

    numpy_gpt2.linear = linear
    outputs = numpy_gpt2.forward(weights, CONFIG, {"input_ids": ids})
    numpy_gpt2.linear = plain
    found[TABLE] = outputs["last_hidden_state"].reshape(-1, CONFIG["n_embd"])
    return found


def grid(w: np.ndarray, size: int, use: np.ndarray | None = None) -> np.ndarray:
    """A scale for each value: of least squared error for `size` inputs, F16, as Ingot fits them."""
    groups = w.reshape(-1, size)
    weight = np.ones_like(groups) if use is None else np.broadcast_to(use, w.shape).reshape(-1, size)
    peak = np.abs(groups).max(1, keepdims=True)
    scales = [(peak / d).astype(np.float16).astype(np.float64) for d in range(104, 136)]
    costs = [(weight * (groups - np.clip(np.rint(groups / s), -127, 127) * s) ** 2).sum(1) for s in scales]
    best = np.stack(scales)[np.argmin(costs, 0), np.arange(len(groups))]
    return np.broadcast_to(best, groups.shape).reshape(w.shape)


def nearest(w: np.ndarray, size: int) -> np.ndarray:
    """Rounded to nearest on a fitted grid."""
    s = grid(w, size)
    return np.clip(np.rint(w / s), -127, 127) * s


def asymmetric(w: np.ndarray, size: int) -> np.ndarray:
    """Rounded to nearest on a grid from the smallest to the largest value, with a zero point of 8 bits."""
    groups = w.reshape(-1, size)
    low, high = np.minimum(groups.min(1, keepdims=True), 0), np.maximum(groups.max(1, keepdims=True), 0)
    s = ((high - low) / 255).astype(np.float16).astype(np.float64)
    zero = np.rint(-low / s)
    return ((np.clip(np.rint(groups / s) + zero, 0, 255) - zero) * s).reshape(w.shape)


def feedback(w: np.ndarray, s: np.ndarray, h: np.ndarray, damping: float) -> np.ndarray:
    """Rounded with error feedback by the inputs' moments (GPTQ)."""
    lam = damping * np.diag(h).mean()
    upper = np.linalg.cholesky(np.linalg.inv(h + lam * np.eye(len(h)))).T
    rest, out = w.copy(), np.zeros_like(w)
    for k in range(w.shape[1]):
        out[:, k] = np.clip(np.rint(rest[:, k] / s[:, k]), -127, 127) * s[:, k]
        rest[:, k:] -= np.outer((rest[:, k] - out[:, k]) / upper[k, k], upper[k, k:])
    return out


def two_sided(w: np.ndarray, s: np.ndarray, h: np.ndarray, g: np.ndarray, damping: float) -> np.ndarray:
    """Rounded with feedback among inputs and among outputs: the curvature is the Kronecker product of g and h."""
    inner = np.linalg.cholesky(np.linalg.inv(h + damping * np.diag(h).mean() * np.eye(len(h)))).T
    outer = np.linalg.cholesky(np.linalg.inv(g + 0.01 * np.diag(g).mean() * np.eye(len(g)))).T
    rest, out = w.copy(), np.zeros_like(w)
    # Outputs one after the other; each row's own errors go to its later inputs first, and what is left to later rows.
    for n in range(w.shape[0]):
        row = rest[n].copy()
        errors = np.zeros_like(row)
        for k in range(w.shape[1]):
            out[n, k] = np.clip(np.rint(row[k] / s[n, k]), -127, 127) * s[n, k]
            errors[k] = (row[k] - out[n, k]) / inner[k, k]
            row[k:] -= errors[k] * inner[k, k:]
        moved = (rest[n] - out[n]) / outer[n, n]
        rest[n:] -= np.outer(outer[n, n:], moved)
    return out


def head_curvature(weights: Arrays, ids: np.ndarray) -> np.ndarray:
    """Of the logits: the mean of diag(p) - p pT."""
    p = np.exp(log_probabilities(weights, ids)).reshape(-1, CONFIG["vocab_size"])
    return np.diag(p.mean(0)) - p.T @ p / len(p)


def main() -> None:
    """Prints a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=48)
    parser.add_argument("--calibration-windows", type=int, default=64)
    options = parser.parse_args()
    held = np.load(KJV / "heldout.npy")
    ids = held[: options.windows * LENGTH].reshape(-1, LENGTH)
    # The text behind what is measured: not seen by it, though not the one that the model was trained on.
    rest = held[options.windows * LENGTH :]
    seen = rest[: len(rest) // LENGTH * LENGTH].reshape(-1, LENGTH)[: options.calibration_windows]
    own, taken = log_probabilities(SOURCE, ids), inputs(SOURCE, seen)
    moments = {name: x.T @ x for name, x in taken.items()}
    means = {name: x.mean(0) for name, x in taken.items()}

    def kl(weights: Arrays) -> float:
        other = log_probabilities(weights, ids)
        return float((np.exp(own) * (own - other)).sum(-1).mean())

    def changed(block: Callable[[np.ndarray, str], np.ndarray], table: Callable[[np.ndarray, str], np.ndarray]) -> Arrays:
        weights = dict(SOURCE)
        for name in BLOCKS:
            weights[name] = block(outputs_first(name, SOURCE), name).T
        weights[TABLE] = table(SOURCE[TABLE], TABLE)
        return weights

    def calibrated(size: int, damping: float = 0.01) -> Callable[[np.ndarray, str], np.ndarray]:
        def rounded(w: np.ndarray, name: str) -> np.ndarray:
            use = np.diag(moments[name]) + damping * np.diag(moments[name]).mean()
            return feedback(w, grid(w, size, use), moments[name], damping)
        return rounded

    def plain(size: int) -> Callable[[np.ndarray, str], np.ndarray]:
        return lambda w, name: nearest(w, size)

    def skewed(size: int) -> Callable[[np.ndarray, str], np.ndarray]:
        return lambda w, name: asymmetric(w, size)

    def corrected(weights: Arrays) -> Arrays:
        """With what rounding moves outputs by on average put into their biases."""
        weights = dict(weights)
        for name in BLOCKS:
            bias = name.removesuffix("weight") + "bias"
            weights[bias] = SOURCE[bias] + means[name] @ (SOURCE[name] - weights[name])
        return weights

    frequent = np.exp(own).reshape(-1, CONFIG["vocab_size"]).mean(0).argsort()[::-1]

    def kept(table: Callable[[np.ndarray, str], np.ndarray], count: int) -> Callable[[np.ndarray, str], np.ndarray]:
        def rounded(w: np.ndarray, name: str) -> np.ndarray:
            out = table(w, name)
            out[frequent[:count]] = w[frequent[:count]].astype(np.float16)
            return out
        return rounded

    total = sum(SOURCE[name].size for name in [*BLOCKS, TABLE])
    share = SOURCE[TABLE].size / total
    rows = CONFIG["vocab_size"]

    def bits(block: float, table: float, kept_rows: int = 0) -> float:
        return (1 - share) * block + share * (table + kept_rows / rows * (16 - table))

    half, table_feedback = 1.0, calibrated(16, 1.0)
    curvature = head_curvature(SOURCE, seen)

    def both_sides(w: np.ndarray, name: str) -> np.ndarray:
        use = np.diag(moments[name]) + half * np.diag(moments[name]).mean()
        return two_sided(w, grid(w, 16, use), moments[name], curvature, half)

    ways: list[tuple[str, float, Arrays]] = [
        ("nearest, groups of 32", bits(8.5, 8.5), changed(plain(32), plain(32))),
        ("nearest, groups of 16", bits(9, 9), changed(plain(16), plain(16))),
        ("asymmetric, groups of 32", bits(8.75, 8.75), changed(skewed(32), skewed(32))),
        ("asymmetric, groups of 64", bits(8.375, 8.375), changed(skewed(64), skewed(64))),
        ("nearest, groups of 64", bits(8.25, 8.25), changed(plain(64), plain(64))),
        ("groups of 32, biases corrected", bits(8.5, 8.5), corrected(changed(plain(32), plain(32)))),
        ("feedback, blocks of 64, table of 16", bits(8.25, 9), changed(calibrated(64), table_feedback)),
        ("the same, biases corrected", bits(8.25, 9), corrected(changed(calibrated(64), table_feedback))),
        ("the same, 64 rows kept in F16", bits(8.25, 9, 64), changed(calibrated(64), kept(table_feedback, 64))),
        ("the same, 128 rows kept in F16", bits(8.25, 9, 128), changed(calibrated(64), kept(table_feedback, 128))),
        ("the same, table two-sided", bits(8.25, 9), changed(calibrated(64), both_sides)),
    ]
    print("| way | bits a weight | KL a token |\n|---|---:|---:|")
    for name, size, weights in ways:
        print(f"| {name} | {size:.2f} | {kl(weights):.2e} |", flush=True)


if __name__ == "__main__":
    main()
