# SPDX-License-Identifier: Apache-2.0
"""Times Ingot's fp32 matrix products beside numpy's and the machine's peak, turn by turn.

usage: python3 Benchmarks/matrix-products.py --build .build/release [--rounds 15] [--json FILE]
All use all processors; set OPENBLAS_NUM_THREADS and run under taskset for one. Weights are `[K, N]` (inOut), as GPT-2 has
most of them, and `[N, K]` (outIn), as its embedding is.
"""
from __future__ import annotations

import time

import numpy as np

import measurement
from limits import Limits
from measurement import MACHINE, Row

SHAPES = [(1, 768, 2304), (1, 768, 50257), (16, 768, 2304), (16, 768, 50257), (128, 768, 3072), (128, 768, 50257),
          (512, 768, 3072), (512, 3072, 768)]


def multiply(x: np.ndarray, w: np.ndarray) -> float:
    """Seconds of numpy's product."""
    start = time.perf_counter()
    x @ w
    return time.perf_counter() - start


def seconds_of(operations: int, rate: float | None) -> float | None:
    """What so many operations take at the least."""
    return operations / rate if rate else None


def main() -> None:
    options = measurement.arguments(__doc__).parse_args()
    limits = Limits(options.build)
    print(limits.worker.greeting, "· numpy", np.__version__, "·", options.rounds, "rounds, medians")
    rng = np.random.default_rng(1)
    rows: list[Row] = []
    for m, k, n in SHAPES:
        x = rng.random((m, k), dtype=np.float32)
        for layout in ("inOut", "outIn"):
            w = rng.random((k, n), dtype=np.float32) if layout == "inOut" else rng.random((n, k), dtype=np.float32).T
            name = f"{m} × {k} × {n}, {layout}"
            if options.only not in name:
                continue
            seconds = {"ingot": lambda: limits.worker.ask(f"{m} {k} {n} {layout} f32"), "numpy": lambda: multiply(x, w),
                       MACHINE: lambda: seconds_of(2 * m * k * n, limits.rate("fma", options.threads))}
            made = [Row("matrix products", name, tool, "GFLOP/s", [2e-9 * m * k * n / taken for taken in runs])
                    for tool, runs in measurement.take_turns(seconds, options.rounds).items()]
            measurement.show(made)
            rows += made
    limits.end()
    measurement.save(rows, options)


if __name__ == "__main__":
    main()
