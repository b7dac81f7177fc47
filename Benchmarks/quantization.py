# SPDX-License-Identifier: Apache-2.0
"""Quantizes a model by every scheme and prints what each costs on a text: bits a weight, and the distance from the model.

usage: python3 Benchmarks/quantization.py --build .build/release [--model fixtures/kjv-gpt2] [--text FILE]
       [--calibration FILE] [--only WORD]
Nothing is timed: the same figures come from any machine.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
KJV = ROOT / "fixtures" / "kjv-gpt2"
TEXT = ROOT / "fixtures" / "calibration" / "kjv.txt"
# A name for the table, what is written, and options. Rules name the token embedding, which is the head of a tied model.
SCHEMES = [
    ("`int8-tensor`", "t.ingot", ["--scheme", "int8-tensor"]),
    ("`int8`", "c.ingot", ["--scheme", "int8"]),
    ("`int8-group:128`", "g128.ingot", ["--scheme", "int8-group:128"]),
    ("`int8-group:64`", "g64.ingot", ["--scheme", "int8-group:64"]),
    ("`q8_0`, llama.cpp's", "q.gguf", ["--scheme", "q8_0"]),
    ("`int8-group:32`", "g32.ingot", ["--scheme", "int8-group:32"]),
    ("`int8-group:64`, embedding `int8-group:16`", "m64.ingot", ["--scheme", "int8-group:64", "--rule", "*{wte,embed_tokens}.*=int8-group:16"]),
    ("`int8-group:128`, embedding `int8-group:16`", "m128.ingot", ["--scheme", "int8-group:128", "--rule", "*{wte,embed_tokens}.*=int8-group:16"]),
    ("`int8-group:32`, embedding `int8-group:16`", "m32.ingot", ["--scheme", "int8-group:32", "--rule", "*{wte,embed_tokens}.*=int8-group:16"]),
    ("`int8-group:16`", "g16.ingot", ["--scheme", "int8-group:16"]),
]
# The same with rows that are kept, which calibrating alone chooses.
TABLE = ["--scheme", "int8-group:64", "--rule", "*{wte,embed_tokens}.*=int8-group:16"]
KEPT = [(f"`int8-group:64`, embedding `int8-group:16`, {count} rows kept", f"k{count}.ingot", TABLE + ["--keep-rows", str(count)])
        for count in (64, 128)]


def call(ingot: str, *words: str) -> dict:
    """What a command prints as JSON."""
    return json.loads(subprocess.run([ingot, *words, "--json"], check=True, capture_output=True).stdout)


def arguments(description: str) -> argparse.ArgumentParser:
    """What is measured, on what, and what it is calibrated with."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, default=KJV)
    parser.add_argument("--text", type=pathlib.Path, default=KJV / "heldout.txt")
    parser.add_argument("--calibration", type=pathlib.Path, default=TEXT)
    return parser


def main() -> None:
    """Prints a row for each scheme that the model's shapes allow."""
    parser = arguments(__doc__)
    parser.add_argument("--only", default="", help="rows whose names hold this")
    options = parser.parse_args()
    ingot = str((options.build / "ingot").resolve())
    print("| scheme | bits a weight | SNR | KL a token | 99th percentile | same likeliest token |\n|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        calibrate = ["--force", "--calibrate", str(options.calibration)]
        calibrated = [(f"{name}, calibrated", file, words + calibrate) for name, file, words in SCHEMES + KEPT]
        for name, file, words in SCHEMES + calibrated:
            if options.only not in name:
                continue
            output = f"{folder}/{file}"
            try:
                made = call(ingot, "quantize", str(options.model), output, *words)["model"]
            except subprocess.CalledProcessError as error:
                print(f"| {name} | {error.stderr.decode().splitlines()[0]} | | | | |")
                continue
            cost = call(ingot, "eval", output, "--against", str(options.model), "--text", str(options.text))
            print(f"| {name} | {made['bits_per_weight']:.2f} | {made['snr_db']:.1f} dB | {cost['kl']:.2e} "
                  f"| {cost['kl_p99']:.2e} | {cost['top1_agreement']:.2%} |", flush=True)


if __name__ == "__main__":
    main()
