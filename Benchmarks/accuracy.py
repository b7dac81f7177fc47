# SPDX-License-Identifier: Apache-2.0
"""How exact forward passes of a really trained model are, fixtures/kjv-gpt2, in each arithmetic and beside the peers.

usage: python3 Benchmarks/accuracy.py --build .build/release [--peers torch,…] [--json FILE]
Two rows of 31 tokens against the float64 logits in expected.npz, for fp32; and for smaller types the divergence (KL, mean
over tokens, in nats) over held-out text from float64 logits, which torch gives. Nothing is timed.
"""
from __future__ import annotations

import argparse
import pathlib
import shutil

import numpy as np

import answers
import engines
import measurement
from engines import Engine
from measurement import Row
from models import Models

FIXTURE = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "kjv-gpt2"
# Of 256 tokens, the model's context.
WINDOWS = 8


def fp32(tools: dict[str, Engine], folder: pathlib.Path) -> list[Row]:
    """The largest and the root mean square error of a logit."""
    with np.load(FIXTURE / "expected.npz") as file:
        tokens, expected = file["input_ids"].tolist(), file["logits"]
    rows: list[Row] = []
    for tool, engine in tools.items():
        found = answers.logits(engine, tokens, folder)
        if found is not None:
            rows.append(Row("error of fp32", "largest error of a logit", tool, "",
                            [answers.largest_error(found, expected)]))
            rows.append(Row("error of fp32", "root mean square error", tool, "",
                            [float(np.sqrt(np.square(found - expected).mean()))]))
    return sorted(rows, key=lambda row: row.workload)


def smaller(kind: str, tools: dict[str, Engine], folder: pathlib.Path, expected: np.ndarray) -> list[Row]:
    """The divergence of each tool."""
    rows = []
    for tool, engine in tools.items():
        found = answers.logits(engine, windows(), folder)
        if found is not None:
            rows.append(Row("divergence", f"{kind}, KL a token", tool, "nats",
                            [answers.mean_divergence(found, expected)]))
    return rows


def windows() -> list[list[int]]:
    """Held-out text."""
    return np.load(FIXTURE / "heldout.npy")[: WINDOWS * 256].reshape(WINDOWS, 256).tolist()


def reference(options: argparse.Namespace, models: Models, folder: pathlib.Path) -> np.ndarray | None:
    """Logits of the windows in float64."""
    engine = engines.peer("torch", "f64", models.path("gpt2/"), options.threads)
    if engine is None:
        return None
    found = answers.logits(engine, windows(), folder, float)
    engine.end()
    return found


def main() -> None:
    options = measurement.arguments(__doc__).parse_args()
    rows: list[Row] = []
    with measurement.workspace() as name:
        folder = pathlib.Path(name)
        # Peers write beside what they read.
        (folder / "gpt2").mkdir()
        for part in ("config.json", "model.safetensors"):
            shutil.copy(FIXTURE / part, folder / "gpt2")
        models = Models(options.build / "ingot", folder, "gpt2")
        expected = reference(options, models, folder) if measurement.wants(options, "torch") else None
        for kind in engines.OURS:
            if kind != "f32" and expected is None:
                continue
            tools = engines.start(options, models, kind)
            made = fp32(tools, folder) if kind == "f32" else smaller(kind, tools, folder, expected)
            for engine in tools.values():
                engine.end()
            measurement.show(made)
            rows += made
    measurement.save(rows, options)


if __name__ == "__main__":
    main()
