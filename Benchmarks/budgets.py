# SPDX-License-Identifier: Apache-2.0
"""Quantizes a model within budgets and prints what each was expected to cost, and costs on a text that was not seen.

usage: python3 Benchmarks/budgets.py --build .build/release [--model fixtures/kjv-gpt2] [--text FILE]
       [--calibration FILE] [--token-limit N]
Nothing is timed: the same figures come from any machine.
"""
from __future__ import annotations

import tempfile

from quantization import arguments, call

BITS = [8.15, 8.25, 8.5, 8.75, 9.0, 12.0]


def main() -> None:
    """Prints a row for each budget, to nearest and calibrated."""
    parser = arguments(__doc__)
    parser.add_argument("--token-limit", default="4096")
    options = parser.parse_args()
    ingot = str((options.build / "ingot").resolve())
    print("| `--max-bits` | rounding | bits a weight | KL expected | KL a token | schemes |\n|---:|---|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as folder:
        for rounding, words, calibrate in [
            ("to nearest", [], []),
            ("calibrated", ["--calibrated"], ["--calibrate", str(options.calibration)]),
        ]:
            table = f"{folder}/{rounding}.jsonl"
            call(ingot, "sensitivity", str(options.model), "--text", str(options.calibration), "-o", table,
                 "--token-limit", options.token_limit, *words)
            for bits in BITS:
                made = call(ingot, "quantize", str(options.model), f"{folder}/o.ingot", "--force", "--max-bits", str(bits),
                            "--sensitivities", table, "--measure", str(options.text), *calibrate)
                counts: dict[str, int] = {}
                for weight in made["budget"]["weights"]:
                    counts[weight["scheme"]] = counts.get(weight["scheme"], 0) + 1
                chosen = made["budget"]["chosen"]
                schemes = ", ".join(f"{count} `{scheme}`" for scheme, count in sorted(counts.items()))
                print(f"| {bits} | {rounding} | {chosen['bits_per_weight']:.2f} | {chosen['kl_expected']:.2e} "
                      f"| {made['measured']['kl']:.2e} | {schemes} |")


if __name__ == "__main__":
    main()
