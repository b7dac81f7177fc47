# SPDX-License-Identifier: Apache-2.0
"""Times whole commands beside the tools a user would take instead, turn by turn, and prints medians and ratios.

usage: python3 Benchmarks/commands.py --ingot PATH [--peers] [--gigabytes 1] [--rounds 5] [--json FILE]
--peers adds what needs torch. Every run writes a new file in a temporary folder, which TMPDIR chooses; all files are
in the page cache, so this measures programs, not disks. Writers that flush are told from those that do not: ingot
always flushes what it writes, and `cp` is timed with `sync` of its output as well.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from safetensors.numpy import save_file

LOAD = "import sys; from safetensors.torch import load_file, save_file; t = load_file(sys.argv[1]); "
CAST = LOAD + "import torch; save_file({k: v.to(torch.bfloat16) for k, v in t.items()}, sys.argv[2])"
COPY = LOAD + "save_file(t, sys.argv[2])"
TO_NPZ = """import sys, numpy; from safetensors.numpy import load_file
numpy.savez(sys.argv[2], **load_file(sys.argv[1]))"""
LIST = """import sys; from safetensors import safe_open
with safe_open(sys.argv[1], "numpy") as f:
    for name in f.keys(): f.get_slice(name).get_shape()"""


def model(path, gigabytes):
    """Writes a checkpoint of float32 tensors with the shapes of GPT-2's blocks."""
    rng = np.random.default_rng(7)
    block = rng.standard_normal((768, 3072), dtype=np.float32) * 0.02
    count = max(1, round(gigabytes * 1e9 / block.nbytes))
    save_file({f"h.{i}.mlp.c_fc.weight": block + np.float32(i) for i in range(count)}, path)


def workloads(ingot, source, target, peers):
    """Rows of (what, ours, {peer: theirs}); a command is a list of words."""
    python = [sys.executable, "-c"]
    rows = [
        ("list tensors", [ingot, "inspect", source, "--all", "--quiet"], {"safetensors": python + [LIST, source]}),
        ("copy", [ingot, "convert", source, target + ".safetensors"], {
            "cp": ["cp", source, target],
            "cp + sync": ["sh", "-c", 'cp "$0" "$1" && sync "$1"', source, target],
        }),
        ("digest", [ingot, "hash", source], {"sha256sum": ["sha256sum", source]}),
        ("to .npz", [ingot, "convert", source, target + ".npz"], {"numpy": python + [TO_NPZ, source, target + ".npz"]}),
        ("cast to BF16", [ingot, "convert", source, target + ".safetensors", "--dtype", "BF16"], {}),
    ]
    if peers:
        rows[1][2]["torch"] = python + [COPY, source, target]
        rows[4][2]["torch"] = python + [CAST, source, target]
    return rows


def seconds(command, folder):
    """Runs a command in a clean folder and returns its time."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(rows, folder, rounds):
    """Times of every command; in each round every command runs once, so that drift hits all alike."""
    times = {}
    for turn in range(rounds + 1):
        for what, ours, theirs in rows:
            for name, command in {"ingot": ours, **theirs}.items():
                took = seconds(command, folder)
                if turn > 0:
                    times.setdefault((what, name), []).append(took)
    return times


def machine():
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                      if line.startswith("model name")), platform.machine())
    return f"{processor}, {len(os.sched_getaffinity(0))} processors, {platform.system()} {platform.release()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ingot", required=True)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingot-bench-") as name:
        folder = pathlib.Path(name)
        source = str(folder / "model.safetensors")
        model(source, options.gigabytes)
        ingot = str(pathlib.Path(options.ingot).resolve())
        rows = workloads(ingot, source, str(folder / "out" / "out"), options.peers)
        times = measure(rows, folder / "out", options.rounds)
    print(f"{options.gigabytes:g} GB, {options.rounds} rounds, medians · {machine()}")
    print(f"{'':14} {'tool':12} {'seconds':>8} {'best':>8} {'spread':>7}  ingot is")
    results = []
    for (what, tool), runs in times.items():
        middle, best = statistics.median(runs), min(runs)
        ratio = middle / statistics.median(times[what, "ingot"])
        note = "" if tool == "ingot" else f"{ratio:.2f} times as fast"
        print(f"{what:14} {tool:12} {middle:8.3f} {best:8.3f} {(max(runs) - best) / middle:7.0%}  {note}")
        results.append({"workload": what, "tool": tool, "median": middle, "best": best, "runs": runs})
    if options.json:
        document = {"machine": machine(), "gigabytes": options.gigabytes, "results": results}
        pathlib.Path(options.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
