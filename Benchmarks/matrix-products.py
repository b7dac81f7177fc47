# SPDX-License-Identifier: Apache-2.0
"""Times Ingot's matrix products beside numpy's, turn by turn, and prints medians and their ratio.

Usage: swift build -c release --product KernelBenchmark && python3 Benchmarks/matrix-products.py [ROUNDS]
Both use all processors; set OPENBLAS_NUM_THREADS and run under taskset for one.
"""
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

SHAPES = [(1, 768, 2304), (1, 768, 50257), (16, 768, 2304), (16, 768, 50257), (128, 768, 3072), (128, 768, 50257),
          (512, 768, 3072), (512, 3072, 768)]
ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    ours = subprocess.Popen([ROOT / ".build/release/KernelBenchmark"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True, bufsize=1)
    print(ours.stdout.readline().strip(), "· numpy", np.__version__, "·", rounds, "rounds, medians")
    print(f"{'M x K x N':>18} {'weight':>6} {'ingot':>8} {'numpy':>8}  GFLOP/s  ratio")
    rng = np.random.default_rng(1)
    for m, k, n in SHAPES:
        x = rng.random((m, k), dtype=np.float32)
        for layout in ("inOut", "outIn"):
            w = rng.random((k, n), dtype=np.float32) if layout == "inOut" else rng.random((n, k), dtype=np.float32).T
            times = ([], [])
            for turn in range(rounds + 2):
                ours.stdin.write(f"{m} {k} {n} {layout} f32\n")
                a = float(ours.stdout.readline())
                start = time.perf_counter()
                x @ w
                b = time.perf_counter() - start
                if turn >= 2:
                    times[0].append(a)
                    times[1].append(b)
            a, b = (2e-9 * m * k * n / statistics.median(t) for t in times)
            print(f"{f'{m} x {k} x {n}':>18} {layout:>6} {a:8.1f} {b:8.1f}  {'':7}  {a / b:5.2f}", flush=True)


if __name__ == "__main__":
    main()
