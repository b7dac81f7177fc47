# SPDX-License-Identifier: Apache-2.0
"""What commands.py times beside ingot: a library's shortest way to the same result, as a program of its own.

Each script gets the source and the target as its arguments. Only a name's ending is given to a library that asks for it.
"""
from __future__ import annotations

import dataclasses
import importlib.util
import pathlib
import subprocess
import sys

SAFETENSORS = "import sys, numpy as np; from safetensors.numpy import load_file, save_file; t = load_file(sys.argv[1]); "
MLX = "import sys, mlx.core as mx; mx.set_default_device(mx.cpu); t = mx.load(sys.argv[1]); "
TORCH = "import sys, torch; from safetensors.torch import load_file, save_file; "
GGUF = "import gguf; w = gguf.GGUFWriter(sys.argv[2], 'gpt2'); "
GGUF_END = "w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()"
INT8 = """
out = {}
for k, v in t.items():
    if v.ndim == 2 and "wpe" not in k:
        s = np.abs(v).max(1 if "wte" in k else 0, keepdims=True) / np.float32(127)
        out[k], out[k + "_scale"] = np.rint(v / s).astype(np.int8), s
    else:
        out[k] = v
save_file(out, sys.argv[2])"""
TORCH_INT8 = """
t, out = load_file(sys.argv[1]), {}
for k, v in t.items():
    if v.ndim == 2 and "wpe" not in k:
        s = v.abs().amax(1 if "wte" in k else 0, keepdim=True) / 127
        out[k], out[k + "_scale"] = (v / s).round_().to(torch.int8), s
    else:
        out[k] = v
save_file(out, sys.argv[2])"""


@dataclasses.dataclass
class Peer:
    """A library's way to do a workload."""
    workload: str
    tool: str
    module: str
    script: str
    ending: str = ""

    def command(self, source: str, target: str) -> list[str]:
        return [sys.executable, "-c", self.script, source, target + self.ending]


PEERS = [
    Peer("list tensors", "safetensors", "safetensors", """import json, sys; from safetensors import safe_open
with safe_open(sys.argv[1], "numpy") as f:
    print(json.dumps({name: f.get_slice(name).get_shape() for name in f.keys()}))"""),
    Peer("statistics of every tensor", "numpy", "numpy", SAFETENSORS +
         "import json; print(json.dumps({k: [float(x) for x in (v.min(), v.max(), v.mean(), v.std(), np.isnan(v).sum())] "
         "for k, v in t.items()}))"),
    Peer("SHA-256 of every tensor", "hashlib", "numpy", SAFETENSORS +
         "import hashlib, json; print(json.dumps({k: hashlib.sha256(v).hexdigest() for k, v in t.items()}))"),
    Peer("safetensors → npz", "numpy", "numpy", SAFETENSORS + "np.savez(sys.argv[2], **t)", ".npz"),
    Peer("safetensors → npz", "mlx", "mlx", MLX + "mx.savez(sys.argv[2], **t)", ".npz"),
    Peer("npz → safetensors", "numpy", "numpy",
         "import sys, numpy; from safetensors.numpy import save_file; save_file(dict(numpy.load(sys.argv[1])), sys.argv[2])",
         ".safetensors"),
    Peer("PyTorch → safetensors", "torch", "torch", TORCH +
         "save_file(torch.load(sys.argv[1], mmap=True, weights_only=True), sys.argv[2])", ".safetensors"),
    Peer("safetensors → GGUF F32", "gguf-py", "gguf", SAFETENSORS + GGUF +
         "[w.add_tensor(k, v) for k, v in t.items()]; " + GGUF_END, ".gguf"),
    Peer("safetensors → GGUF F32", "mlx", "mlx", MLX + "mx.save_gguf(sys.argv[2], t)", ".gguf"),
    Peer("cast to BF16", "mlx", "mlx", MLX +
         "mx.save_safetensors(sys.argv[2], {k: v.astype(mx.bfloat16) for k, v in t.items()}, {'format': 'mlx'})", ".safetensors"),
    Peer("cast to BF16", "torch", "torch", TORCH +
         "save_file({k: v.to(torch.bfloat16) for k, v in load_file(sys.argv[1]).items()}, sys.argv[2])", ".safetensors"),
    Peer("cast to F16", "mlx", "mlx", MLX +
         "mx.save_safetensors(sys.argv[2], {k: v.astype(mx.float16) for k, v in t.items()}, {'format': 'mlx'})", ".safetensors"),
    Peer("cast to F16", "numpy", "numpy", SAFETENSORS +
         "save_file({k: v.astype(np.float16) for k, v in t.items()}, sys.argv[2])", ".safetensors"),
    Peer("safetensors → GGUF F16", "gguf-py", "gguf", SAFETENSORS + GGUF +
         "[w.add_tensor(k, v.astype(np.float16)) for k, v in t.items()]; " + GGUF_END, ".gguf"),
    Peer("safetensors → GGUF F16", "mlx", "mlx", MLX +
         "mx.save_gguf(sys.argv[2], {k: v.astype(mx.float16) for k, v in t.items()})", ".gguf"),
    Peer("HF → llama.cpp's GGUF", "gguf-py", "gguf", f"import sys; sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r}); "
         "import pathlib, forward_peer; "
         "forward_peer.write_gguf(sys.argv[2], str(pathlib.Path(sys.argv[1]).parent), 'f32')", ".gguf"),
    Peer("int8 per channel", "numpy", "numpy", SAFETENSORS + INT8, ".safetensors"),
    Peer("int8 per channel", "torch", "torch", TORCH + TORCH_INT8, ".safetensors"),
    Peer("int8 per channel", "mlx, groups of 64", "mlx", MLX + """
out = {}
for k, v in t.items():
    if v.ndim == 2 and "wpe" not in k:
        out[k], out[k + ".scales"], out[k + ".biases"] = mx.quantize(v, group_size=64, bits=8)
    else:
        out[k] = v
mx.save_safetensors(sys.argv[2], out)""", ".safetensors"),
]


def of(workload: str) -> list[Peer]:
    """The peers of a workload that this Python has."""
    return [peer for peer in PEERS if peer.workload == workload and importlib.util.find_spec(peer.module)]


def llama(folder: pathlib.Path) -> pathlib.Path | None:
    """llama.cpp as a small C program, linked to the libraries in llama-cpp-python; `None` without that or a compiler."""
    found = importlib.util.find_spec("llama_cpp")
    if found is None:
        return None
    libraries = pathlib.Path(found.origin).parent / "lib"
    headers = libraries.parent.parent / "include"
    program = folder / "llama-peer"
    if not program.exists():
        source = pathlib.Path(__file__).with_name("llama_peer.c")
        done = subprocess.run(["cc", "-O2", "-o", program, source, f"-I{headers}", f"-L{libraries}", "-lllama", "-lggml",
                               "-lggml-base", f"-Wl,-rpath,{libraries}"], check=False, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            print(done.stderr[-500:], file=sys.stderr)
            return None
    return program
