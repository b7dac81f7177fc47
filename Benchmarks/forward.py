# SPDX-License-Identifier: Apache-2.0
"""Times forward passes of an untrained GPT-2 beside the tools a user would take instead, turn by turn.

usage: python3 Benchmarks/forward.py --build .build/release [--peers torch,openvino,…] [--rounds 5] [--preset gpt2]
       [--kinds f32,w8a8,…] [--only 'prefill 128'] [--folder DIR] [--threads N] [--json FILE]
Prints medians in tokens a second, their spread, and for each peer how many times as fast Ingot is; then how long a
command takes from its start to the first logits behind 16 tokens, and the peak memory of forward passes. Each peer runs
in a process of its own and waits while others run.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

PREFILLS = [(16, "all"), (128, "all"), (128, "last"), (512, "all"), (512, "last"), (1024, "all"), (1024, "last")]
DECODE = (64, 64)
# What Ingot's arithmetic is called, the model it runs on, and the kind of a peer that does the same.
KINDS = {"f32": ("auto", "gpt2", "f32"), "bf16": ("bf16", "gpt2", "bf16"), "bf16 stored": ("auto", "gpt2-bf16", "bf16"),
         "int8": ("auto", "gpt2-int8", "int8"), "w8a8": ("w8a8", "gpt2-int8", "int8")}


class Worker:
    """A process that answers lines with seconds."""

    def __init__(self, command, threads):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="false")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        stderr=subprocess.DEVNULL, env=environment)
        self.greeting = self.process.stdout.readline().strip()

    def ask(self, line):
        """Seconds, or None when the worker does not do that or is gone."""
        try:
            self.process.stdin.write(line + "\n")
            return float(self.process.stdout.readline())
        except (ValueError, BrokenPipeError):
            return None

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def models(ingot, folder, preset):
    """Makes the model, and its bf16 and int8 forms, where they are not there yet."""
    f32 = folder / "gpt2"
    steps = [(f32, ["init", "gpt2", "--preset", preset, "--seed", "1", f"{f32}/"]),
             (folder / "gpt2-bf16", ["convert", str(f32), f"{folder}/gpt2-bf16/", "--dtype", "bf16"]),
             (folder / "gpt2-int8", ["quantize", str(f32), f"{folder}/gpt2-int8/"])]
    for path, arguments in steps:
        if not path.exists():
            subprocess.run([ingot, *arguments], check=True, stdout=subprocess.DEVNULL)


def workers(options, folder):
    """Ingot's process, then every peer's that starts; by kind."""
    ours = Worker([str(options.build / "RuntimeBenchmark")], options.threads)
    script = pathlib.Path(__file__).with_name("forward_peer.py")
    peers = {}
    for kind in options.kinds:
        arithmetic, model, peer_kind = KINDS[kind]
        ours.ask(f"load {kind.replace(' ', '-')} {folder / model} {arithmetic}")
        for name in options.peers:
            peer = Worker([sys.executable, str(script), name, peer_kind, str(folder / "gpt2"), str(options.threads)],
                          options.threads)
            if peer.greeting == "ready":
                peers[kind, name] = peer
    return ours, peers


def measure(options, ours, peers):
    """Seconds by kind, work and tool: in each round every tool does every work once."""
    times = {}

    def note(key, seconds, turn):
        if seconds is not None and turn > 0:
            times.setdefault(key, []).append(seconds)

    works = [f"prefill {count} {rows}" for count, rows in PREFILLS] + ["decode %d %d" % DECODE]
    for turn in range(options.rounds + 1):
        for kind in options.kinds:
            for work in (work for work in works if options.only in work):
                verb, rest = work.split(" ", 1)
                line = f"{verb} {kind.replace(' ', '-')} {rest}" + (" f32" if verb == "decode" else "")
                note((kind, work, "ingot"), ours.ask(line), turn)
                for (of, name), peer in peers.items():
                    if of == kind:
                        note((kind, work, name), peer.ask(work), turn)
    return times


def report(times):
    """Prints the table and gives its rows."""
    print(f"{'arithmetic':12} {'work':18} {'tool':12} {'tok/s':>8} {'spread':>7}  ingot is")
    rows = []
    for (kind, work, tool), runs in times.items():
        tokens = int(work.split()[2 if work.startswith("decode") else 1])
        middle = statistics.median(runs)
        ratio = middle / statistics.median(times[kind, work, "ingot"])
        note = "" if tool == "ingot" else f"{ratio:.2f} times as fast"
        print(f"{kind:12} {work:18} {tool:12} {tokens / middle:8.1f} {(max(runs) - min(runs)) / middle:7.0%}  {note}")
        rows.append({"arithmetic": kind, "work": work, "tool": tool, "median": middle, "runs": runs, "ratio": ratio})
    return rows


def commands(options, folder):
    """Seconds from a command's start to its end, and its peak memory, for a forward pass."""
    ingot = str(options.build / "ingot")
    ids = lambda count: ",".join(str((i * 7919 + 13) % 50257) for i in range(count))
    works = [("16 tokens, first logits", ["generate", "--tokens", ids(16), "--max-tokens", "1"]),
             ("1,024 tokens, last logits", ["generate", "--tokens", ids(1024), "--max-tokens", "1"])]
    rows = []
    for model in ["gpt2", "gpt2-bf16", "gpt2-int8"]:
        path = folder / model
        size = (path / "model.safetensors").stat().st_size
        for what, (verb, *rest) in works:
            runs, peak = [], 0
            for _ in range(options.rounds):
                start = time.perf_counter()
                process = subprocess.Popen([ingot, verb, str(path), *rest], stdout=subprocess.DEVNULL)
                _, status, usage = os.wait4(process.pid, 0)
                runs.append(time.perf_counter() - start)
                peak = max(peak, usage.ru_maxrss * 1024)
                if status:
                    raise SystemExit(f"{verb} {path}: status {status}")
            middle = statistics.median(runs)
            print(f"{model:10} {what:26} {middle:7.3f} s, best {min(runs):.3f}; peak {peak / 1e6:.0f} MB, "
                  f"{(peak - size) / 2**20:.0f} MiB beyond the file")
            rows.append({"model": model, "work": what, "median": middle, "runs": runs, "peak": peak, "file": size})
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--peers", default="", type=lambda text: [name for name in text.split(",") if name])
    parser.add_argument("--kinds", default=list(KINDS), type=lambda text: text.split(","))
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--preset", default="gpt2")
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingot-bench-") as name:
        folder = options.folder or pathlib.Path(name)
        folder.mkdir(exist_ok=True)
        models(str(options.build / "ingot"), folder, options.preset)
        ours, peers = workers(options, folder)
        print(f"GPT-2 ({options.preset}), {ours.greeting}, {options.rounds} rounds, medians")
        times = measure(options, ours, peers)
        for worker in [ours, *peers.values()]:
            worker.end()
        document = {"forward": report(times), "commands": commands(options, folder)}
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
