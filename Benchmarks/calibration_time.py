# SPDX-License-Identifier: Apache-2.0
"""How long quantizing by error feedback takes, beside llm-compressor's GPTQ: the same windows, one after the other.

usage: python3 Benchmarks/calibration_time.py --build .build/release --model FOLDER --gptq-python PYTHON [--windows 128]
       [--length 512] [--threads 2] [--rounds 2] [--text fixtures/calibration/kjv.txt]
Ours is the whole command, reading and writing included, and quantizes the token embedding too; theirs is what quantizes, in
a process that has imported its libraries and read the model.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

import numpy as np
from safetensors import safe_open
from transformers import AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parent.parent


def ours(options: argparse.Namespace, ids: pathlib.Path, folder: pathlib.Path) -> float:
    """Seconds of the command."""
    count = options.windows * options.length
    start = time.perf_counter()
    subprocess.run([options.build / "ingot", "quantize", options.model, folder / "ours.ingot", "--force", "--scheme", "int8",
                    "--calibrate", ids, "--calibration-tokens", str(count), "--jobs", str(options.threads), "--quiet"], check=True)
    return time.perf_counter() - start


def theirs(options: argparse.Namespace, windows: pathlib.Path, folder: pathlib.Path) -> float:
    """Seconds of quantizing."""
    output, script = folder / "theirs.safetensors", pathlib.Path(__file__).with_name("quantization_gptq.py")
    threads = {name: str(options.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    subprocess.run([options.gptq_python, "-W", "ignore", script, options.model, windows, output], check=True,
                   stdout=subprocess.DEVNULL, env=os.environ | threads)
    with safe_open(output, "np") as file:
        return float(file.metadata()["seconds"])


def main() -> None:
    """Prints the seconds of each round as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--gptq-python", required=True)
    parser.add_argument("--windows", type=int, default=128)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--text", type=pathlib.Path, default=ROOT / "fixtures" / "calibration" / "kjv.txt")
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    ids = np.array(tokenizer(options.text.read_text(encoding="utf-8"), add_special_tokens=False, verbose=False)["input_ids"])
    count = options.windows * options.length
    # A text that is too short comes once more: time does not depend on it.
    ids = np.resize(ids, count)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        flat, windows = folder / "ids.npy", folder / "windows.npy"
        np.save(flat, ids.astype(np.int32))
        np.save(windows, ids.reshape(options.windows, options.length))
        for _ in range(options.rounds):
            load = os.getloadavg()[0]
            print(json.dumps({"load": round(load, 2), "ingot": round(ours(options, flat, folder), 1),
                              "llm-compressor": round(theirs(options, windows, folder), 1)}), flush=True)


if __name__ == "__main__":
    main()
