# SPDX-License-Identifier: Apache-2.0
"""What the machine can do at the most, which no program passes: arithmetic from registers, memory read and copied.

usage: python3 Benchmarks/limits.py --build .build/release [--rounds 5] [--json FILE]
"""
from __future__ import annotations

import pathlib

import measurement
from measurement import MACHINE, Row, Worker

# What it is called, KernelBenchmark's word for it, and its unit of 10⁹ a second.
LIMITS = [("fp32 multiply-add", "fma", "GFLOP/s"), ("bf16 dot product", "bf16", "GFLOP/s"),
          ("int8 dot product", "i8", "GOP/s"), ("reading memory", "read", "GB/s"), ("copying memory", "copy", "GB/s")]


class Limits:
    """The machine as a worker: asked between the tools, it gives the limit of that moment."""

    def __init__(self, build: pathlib.Path):
        self.worker = Worker([str(build / "KernelBenchmark")])

    def rate(self, word: str, threads: int) -> float | None:
        """Operations or bytes a second; `None` where the processor lacks the instruction."""
        return self.worker.ask(f"limit {word} {threads}") or None

    def end(self) -> None:
        self.worker.end()


def main() -> None:
    options = measurement.arguments(__doc__).parse_args()
    limits = Limits(options.build)
    works = {(name, unit, threads): (lambda word=word, threads=threads: limits.rate(word, threads))
             for name, word, unit in LIMITS for threads in sorted({1, options.threads}) if options.only in name}
    rows = [Row("the machine", f"{name}, {threads} thread{'s' * (threads > 1)}", MACHINE, unit,
                [rate / 1e9 for rate in rates])
            for (name, unit, threads), rates in measurement.take_turns(works, options.rounds).items()]
    limits.end()
    measurement.show(rows)
    measurement.save(rows, options)


if __name__ == "__main__":
    main()
