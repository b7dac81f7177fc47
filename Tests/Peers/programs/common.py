# SPDX-License-Identifier: Apache-2.0
"""What several programs need: the tensors of a transformers folder, its config, and sources that no package carries."""
import json
import os
import pathlib

import numpy as np
from safetensors.numpy import load_file

LINEAR = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")


def config(folder: pathlib.Path) -> dict:
    """config.json with the defaults that matter."""
    defaults = {"layer_norm_epsilon": 1e-5, "tie_word_embeddings": True}
    return defaults | json.loads((folder / "config.json").read_text(encoding="utf-8"))


def tensors(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """The parameters by transformers' names without their prefix; no mask buffers, no copy of a tied head."""
    tied = config(folder)["tie_word_embeddings"]
    named = {name.removeprefix("transformer."): value for name, value in load_file(folder / "model.safetensors").items()}
    return {name: value for name, value in named.items() if not is_buffer(name) and not (tied and name == "lm_head.weight")}


def is_buffer(name: str) -> bool:
    """Whether a tensor is a causal mask, or what it puts where nothing may be seen."""
    return name.endswith((".attn.bias", ".attn.masked_bias"))


def linear_turned(named: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same with the four linear weights of each block as [out, in]."""
    ends = tuple(f"{part}.weight" for part in LINEAR)
    return {name: np.ascontiguousarray(value.T) if name.endswith(ends) else value for name, value in named.items()}


def sources(name: str) -> pathlib.Path:
    """The folder of a repository whose code no package carries."""
    folder = os.environ.get("INGOT_PEER_SOURCES")
    path = pathlib.Path(folder or ".") / name
    if not folder or not path.is_dir():
        raise SystemExit(f"programs: needs the sources of {name} in $INGOT_PEER_SOURCES/{name}")
    return path


def revision(name: str) -> str:
    """The revision of those sources."""
    head = sources(name) / ".git" / "HEAD"
    text = head.read_text(encoding="utf-8").strip()
    if text.startswith("ref: "):
        reference = sources(name) / ".git" / text.removeprefix("ref: ")
        packed = sources(name) / ".git" / "packed-refs"
        lines = packed.read_text(encoding="utf-8").splitlines() if packed.exists() else []
        found = [line.split()[0] for line in lines if line.endswith(text.removeprefix("ref: "))]
        text = reference.read_text(encoding="utf-8").strip() if reference.exists() else found[0]
    return f"revision {text[:10]}"
