# SPDX-License-Identifier: Apache-2.0
"""What is aimed at: ingot's figure over another's, measured in the same run."""
from __future__ import annotations

import dataclasses

from measurement import MACHINE, Row

BEST_PEER = "best peer"
# A model that fits on a disk is copied, and its bytes turned round, at these shares of what `cp` takes.
COPYING = ["safetensors → npz", "safetensors → ingot", "safetensors → safetensors", "npz → safetensors", "npz → ingot",
           "ingot → npz", "ingot → safetensors", "PyTorch → safetensors", "safetensors → GGUF F32"]
CASTING = ["cast to BF16", "cast to F16", "safetensors → GGUF F16"]
TRANSPOSING = ["HF → llm.c", "OpenAI → HF", "HF → llama.cpp's GGUF"]
LENGTHS = ["128", "512", "1,024"]


@dataclasses.dataclass
class Target:
    """A ratio that ingot's figure, or the best of its own, is to reach beside a tool's; without one, a figure."""
    group: str
    workload: str
    beside: str | None
    bound: float
    # Whether ingot's figure may be the best of all its rows, and not that of the tool `ingot`.
    any_of_ours: bool = False

    def judge(self, rows: list[Row]) -> tuple[str, float, bool] | None:
        """Beside what, the ratio, and whether it is good enough; `None` where something was not measured."""
        here = [row for row in rows if row.workload == self.workload]
        ours = [row for row in here if row.tool == "ingot" or self.any_of_ours and row.is_ours]
        if not ours:
            return None
        best = max if ours[0].is_rate else min
        mine = best(row.median for row in ours)
        if self.beside is None:
            return "", mine, mine <= self.bound
        others = [row for row in here if row.tool == self.beside
                  or self.beside == BEST_PEER and not row.is_ours and row.tool != MACHINE]
        if not others:
            return None
        other = best(others, key=lambda row: row.median)
        ratio = mine / other.median
        return other.tool, ratio, ratio >= self.bound if ours[0].is_rate else ratio <= self.bound

    def aim(self, is_rate: bool) -> str:
        """The bound in words."""
        if self.beside is None:
            return f"at most {self.bound * 1e3:g} ms"
        return f"at {'least' if is_rate else 'most'} {self.bound:g} ×"


# Groups whose commands stream: what they may have resident beyond what `ingot --version` has.
STREAMING = ("conversions", "casts", "dialects", "reading everything", "quantizing")
STREAMING_MEMORY = 64 << 20

TARGETS = [
    Target("looking", "start", None, 0.015),
    Target("looking", "list tensors", "ingot --version", 2),
    *(Target("conversions", name, "cp", 1.1) for name in COPYING),
    *(Target("casts", name, "cp", 1.1) for name in CASTING),
    *(Target("dialects", name, "cp", 1.3) for name in TRANSPOSING),
    Target("reading everything", "statistics of every tensor", "numpy", 0.25),
    Target("reading everything", "SHA-256 of every tensor", "hashlib", 0.6),
    Target("quantizing", "Q8_0 in GGUF", "llama-quantize Q8_0", 0.5),
    Target("quantizing", "int8 per channel", "llama-quantize Q8_0", 0.5),
    *(Target(f"prefill {kind}", f"{length} tokens, {rows} logits", BEST_PEER, 1.1)
      for kind in ("fp32", "bf16", "int8") for length in LENGTHS for rows in ("all", "last")),
    Target("tokenizing", "code", "tokenizers, no places", 3),
    Target("tokenizing", "text of all scripts", "tokenizers, no places", 3),
    Target("corpora", "20,000 documents, SHA-1", "datasketch", 0.2),
    Target("corpora", "20,000 documents, XXH3", "datasketch", 0.1),
    Target("error of fp32", "largest error of a logit", "torch", 1),
    Target("error of fp32", "root mean square error", "torch", 1),
    Target("divergence", "bf16, KL a token", "openvino", 1),
    Target("divergence", "bf16, KL a token", "torch", 1),
    Target("divergence", "int8, KL a token", "onnxruntime", 1),
    Target("decode", "fp32", BEST_PEER, 1),
    Target("decode", "bf16", BEST_PEER, 1, any_of_ours=True),
    Target("decode", "int8", "llama.cpp", 1.1, any_of_ours=True),
    *(Target("decode bandwidth", kind, MACHINE, 0.85, any_of_ours=True) for kind in ("fp32", "bf16", "int8")),
    *(Target("evaluating", f"{kind}, 4,096 tokens", "prefill of a window", 0.8) for kind in ("fp32", "bf16", "int8")),
    # The bound was set beside a command in Python; a bare program in C has no interpreter to start.
    *(Target("start to first logits", f"{kind}, 16 tokens", peer, 0.5)
      for kind in ("fp32", "bf16", "int8") for peer in ("llama.cpp in Python", "llama.cpp")),
    *(Target("peak memory of a forward pass", f"{kind}, 1,024 tokens, {rows} logits", "weights + logits + 64 MiB", 1)
      for kind in ("fp32", "bf16", "int8") for rows in ("all", "last")),
]


def is_of(group: str, name: str) -> bool:
    """Whether a group goes by a name: the groups of other shapes have the shape behind it."""
    return group == name or group.startswith(name + ", ")


def streaming_memory(group: str, rows: list[Row], start: Row) -> tuple[str, float, bool] | None:
    """The workload of a group that takes most memory beyond `ingot --version`, how much, and whether it is little enough."""
    ours = [row for row in rows if row.tool == "ingot" and row.memory]
    if not ours or not start.memory or not any(is_of(group, name) for name in STREAMING):
        return None
    most = max(ours, key=lambda row: row.memory)
    beyond = most.memory - start.memory
    return most.workload, beyond, beyond <= STREAMING_MEMORY
