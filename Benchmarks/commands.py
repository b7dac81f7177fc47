# SPDX-License-Identifier: Apache-2.0
"""Times whole commands beside the tools a user would take instead, turn by turn, and prints medians and ratios.

usage: python3 Benchmarks/commands.py --ingot PATH [--peers] [--shape gpt2] [--rounds 5] [--only WORD] [--json FILE]
The input is a model of GPT-2's shapes with random weights. `--peers` adds the libraries among numpy, safetensors, mlx,
torch and gguf that this Python has. Every run writes a new file in a temporary folder, which TMPDIR chooses: on /dev/shm
this measures programs, on a disk the disk too, which ingot always flushes; `cp` is timed with `sync` for that.
"""
import argparse
import importlib.util
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

# Width, blocks; all have 50,257 tokens and 1,024 positions.
SHAPES = {"tiny": (128, 2), "gpt2": (768, 12), "gpt2-medium": (1024, 24), "gpt2-large": (1280, 36), "gpt2-xl": (1600, 48)}

LIST = """import sys; from safetensors import safe_open
with safe_open(sys.argv[1], "numpy") as f:
    for name in f.keys(): f.get_slice(name).get_shape()"""
NUMPY_NPZ = """import sys, numpy; from safetensors.numpy import load_file
numpy.savez(sys.argv[2], **load_file(sys.argv[1]))"""
NUMPY_BACK = """import sys, numpy; from safetensors.numpy import save_file
save_file(dict(numpy.load(sys.argv[1])), sys.argv[2])"""
NUMPY_F16 = """import sys, numpy; from safetensors.numpy import load_file, save_file
save_file({k: v.astype(numpy.float16) for k, v in load_file(sys.argv[1]).items()}, sys.argv[2])"""
NUMPY_STATS = """import sys, numpy as np; from safetensors.numpy import load_file
for k, v in load_file(sys.argv[1]).items(): v.min(), v.max(), v.mean(), v.std(), np.isnan(v).sum()"""
NUMPY_INT8 = """import sys, numpy as np; from safetensors.numpy import load_file, save_file
out = {}
for k, v in load_file(sys.argv[1]).items():
    if v.ndim == 2 and "wpe" not in k:
        s = np.abs(v).max(1 if "wte" in k else 0, keepdims=True) / np.float32(127)
        out[k], out[k + "_scale"] = np.rint(v / s).astype(np.int8), s
    else:
        out[k] = v
save_file(out, sys.argv[2])"""
HASHLIB = """import sys, hashlib; from safetensors.numpy import load_file
for k, v in load_file(sys.argv[1]).items(): hashlib.sha256(v).hexdigest()"""
MLX = "import sys, mlx.core as mx; mx.set_default_device(mx.cpu); t = mx.load(sys.argv[1]); "
TORCH = "import sys, torch; from safetensors.torch import load_file, save_file; t = load_file(sys.argv[1]); "
GGUF = """import sys, gguf; from safetensors.numpy import load_file
w = gguf.GGUFWriter(sys.argv[2], "gpt2")
for k, v in load_file(sys.argv[1]).items(): w.add_tensor(k, v)
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()"""


def write_model(folder, shape):
    """Writes weights and config of a GPT-2 with random weights."""
    # Here, not above: a child's peak memory begins with that of the process that starts it.
    import numpy as np
    from safetensors.numpy import save_file
    width, blocks = SHAPES[shape]
    rng = np.random.default_rng(7)

    def random(*dims):
        return rng.standard_normal(dims, dtype=np.float32) * np.float32(0.02)

    tensors = {"wte.weight": random(50257, width), "wpe.weight": random(1024, width),
               "ln_f.weight": random(width), "ln_f.bias": random(width)}
    for i in range(blocks):
        for name, dims in {"ln_1": (width,), "attn.c_attn": (width, 3 * width), "attn.c_proj": (width, width),
                           "ln_2": (width,), "mlp.c_fc": (width, 4 * width), "mlp.c_proj": (4 * width, width)}.items():
            tensors[f"h.{i}.{name}.weight"], tensors[f"h.{i}.{name}.bias"] = random(*dims), random(dims[-1])
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": width, "n_layer": blocks,
              "n_head": width // 64, "n_ctx": 1024, "n_positions": 1024, "vocab_size": 50257,
              "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def has(module):
    return importlib.util.find_spec(module) is not None


def copies(source, target):
    return {"cp": ["cp", source, target],
            "cp + sync": ["sh", "-c", 'cp "$0" "$1" && sync "$1"', source, target]}


def workloads(ingot, folder, target, peers):
    """Rows of (what, the bar and what it is of, ours, {peer: theirs}); a command is a list of words."""
    source, npz, own = (str(folder / name) for name in ("model.safetensors", "model.npz", "model.ingot"))
    python = [sys.executable, "-c"]

    def convert(path, name, *options):
        return [ingot, "convert", path, target + name, "--quiet", *options]

    cp = copies(source, target)
    rows = [
        ("start", None, [ingot, "--version"], {}),
        ("list tensors", (2, "start"), [ingot, "inspect", source, "--all"], {}),
        ("safetensors → npz", (1.1, "cp"), convert(source, ".npz"), dict(cp)),
        ("safetensors → ingot", (1.1, "cp"), convert(source, ".ingot"), dict(cp)),
        ("safetensors → safetensors", (1.1, "cp"), convert(source, ".safetensors"), dict(cp)),
        ("npz → safetensors", (1.1, "cp"), convert(npz, ".safetensors"), copies(npz, target)),
        ("npz → ingot", (1.1, "cp"), convert(npz, ".ingot"), copies(npz, target)),
        ("ingot → npz", (1.1, "cp"), convert(own, ".npz"), copies(own, target)),
        ("cast to BF16", (1.1, "cp"), convert(source, ".safetensors", "--dtype", "BF16"), dict(cp)),
        ("cast to F16", (1.1, "cp"), convert(source, ".safetensors", "--dtype", "F16"), dict(cp)),
        ("statistics", (0.25, "numpy"), [ingot, "inspect", source, "--stats"], {}),
        ("SHA-256", (0.6, "hashlib"), [ingot, "hash", source], {"sha256sum": ["sha256sum", source]}),
        ("quantize to int8", None, [ingot, "quantize", str(folder) + "/", target + ".safetensors", "--quiet",
                                    "--from", "model.safetensors"], {}),
    ]
    if peers:
        add_peers({row[0]: row[3] for row in rows}, python, source, npz, target)
    return rows


def add_peers(theirs, python, source, npz, target):
    """Adds what the libraries of this Python do."""
    theirs["list tensors"]["safetensors"] = python + [LIST, source]
    theirs["safetensors → npz"]["numpy"] = python + [NUMPY_NPZ, source, target + ".npz"]
    theirs["npz → safetensors"]["numpy"] = python + [NUMPY_BACK, npz, target]
    theirs["cast to F16"]["numpy"] = python + [NUMPY_F16, source, target]
    theirs["statistics"]["numpy"] = python + [NUMPY_STATS, source]
    theirs["SHA-256"]["hashlib"] = python + [HASHLIB, source]
    theirs["quantize to int8"]["numpy"] = python + [NUMPY_INT8, source, target]
    if has("mlx"):
        theirs["safetensors → npz"]["mlx"] = python + [MLX + "mx.savez(sys.argv[2], **t)", source, target + ".npz"]
        for name, dtype in (("cast to BF16", "bfloat16"), ("cast to F16", "float16")):
            cast = f"mx.save_safetensors(sys.argv[2], {{k: v.astype(mx.{dtype}) for k, v in t.items()}})"
            theirs[name]["mlx"] = python + [MLX + cast, source, target]
    if has("torch"):
        theirs["safetensors → safetensors"]["torch"] = python + [TORCH + "save_file(t, sys.argv[2])", source, target]
        cast = "save_file({k: v.to(torch.bfloat16) for k, v in t.items()}, sys.argv[2])"
        theirs["cast to BF16"]["torch"] = python + [TORCH + cast, source, target]
    if has("gguf"):
        theirs["safetensors → safetensors"]["gguf-py (→ GGUF)"] = python + [GGUF, source, target + ".gguf"]


def run(command, folder):
    """Runs a command in a clean folder; returns its time and its peak memory in bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command[:4])}: exit {process.returncode}\n{errors.decode()}")
    return took, usage.ru_maxrss * 1024


def measure(rows, folder, rounds):
    """Runs of every command; in each round every command runs once, so that drift hits all alike. The first warms up."""
    runs = {}
    for turn in range(rounds + 1):
        for what, _, ours, theirs in rows:
            for tool, command in {"ingot": ours, **theirs}.items():
                result = run(command, folder)
                if turn > 0:
                    runs.setdefault((what, tool), []).append(result)
    return runs


def machine():
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                      if line.startswith("model name")), platform.machine())
    return f"{processor}, {len(os.sched_getaffinity(0))} processors, {platform.system()} {platform.release()}"


def middle(runs, key):
    return statistics.median(took for took, _ in runs[key])


def report(rows, runs):
    """Prints a table; returns its rows as values."""
    results = []
    print(f"{'':26} {'tool':17} {'seconds':>8} {'best':>8} {'spread':>7} {'MB':>6}  ingot takes")
    for what, bar, _, theirs in rows:
        ours = middle(runs, (what, "ingot"))
        for tool in ("ingot", *theirs):
            times = [took for took, _ in runs[what, tool]]
            median = statistics.median(times)
            memory = max(peak for _, peak in runs[what, tool])
            note = "" if tool == "ingot" else f"{ours / median:.2f} of its time"
            if bar and bar[1] == tool:
                note += f" (bar {bar[0]:g})"
            if tool == "ingot" and bar and bar[1] == "start":
                note = f"{ours / middle(runs, ('start', 'ingot')):.2f} of start (bar {bar[0]:g})"
            print(f"{what:26} {tool:17} {median:8.3f} {min(times):8.3f} {(max(times) - min(times)) / median:7.0%} "
                  f"{memory / 1e6:6.0f}  {note}")
            results.append({"workload": what, "tool": tool, "median": median, "best": min(times), "runs": times,
                            "peakBytes": memory, "ingotRatio": ours / median})
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ingot", required=True)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--shape", choices=SHAPES, default="gpt2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="run the workloads whose name holds this")
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingot-bench-") as name:
        folder = pathlib.Path(name)
        ingot = str(pathlib.Path(options.ingot).resolve())
        code = (f"import sys, pathlib; sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r}); import commands; "
                f"commands.write_model(pathlib.Path({name!r}), {options.shape!r})")
        subprocess.run([sys.executable, "-c", code], check=True)
        for other in ("model.npz", "model.ingot"):
            subprocess.run([ingot, "convert", name + "/model.safetensors", f"{name}/{other}", "-q"], check=True)
        rows = [row for row in workloads(ingot, folder, str(folder / "out" / "out"), options.peers)
                if not options.only or options.only in row[0] or row[0] == "start"]
        runs = measure(rows, folder / "out", options.rounds)
    print(f"{options.shape}, {options.rounds} rounds, medians · {machine()}")
    results = report(rows, runs)
    if options.json:
        document = {"machine": machine(), "shape": options.shape, "rounds": options.rounds, "results": results}
        pathlib.Path(options.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
