# SPDX-License-Identifier: Apache-2.0
"""Karpathy's nanoGPT, its own model.py: a training checkpoint by torch.save."""
from __future__ import annotations

import importlib.metadata
import pathlib
import sys

import numpy as np

from . import common


def version() -> str:
    return f"karpathy/nanoGPT {common.revision('nanoGPT')}, torch {importlib.metadata.version('torch')}"


def _code():
    sys.path.insert(0, str(common.sources("nanoGPT")))
    import model
    return model


def logits(path: pathlib.Path, ids: np.ndarray, _config: dict) -> np.ndarray:
    """As sample.py loads a checkpoint; with targets the model gives the logits of every token."""
    import torch
    code = _code()
    checkpoint = torch.load(path, weights_only=True)
    model = code.GPT(code.GPTConfig(**checkpoint["model_args"]))
    model.load_state_dict(checkpoint["model"])
    tokens = torch.from_numpy(ids.astype(np.int64))
    with torch.no_grad():
        return model.eval()(tokens, targets=tokens)[0].numpy()


def write(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """As train.py saves a checkpoint."""
    import torch
    code, config = _code(), common.config(source)
    arguments = {"n_layer": config["n_layer"], "n_head": config["n_head"], "n_embd": config["n_embd"],
                 "block_size": config["n_positions"], "bias": True, "vocab_size": config["vocab_size"], "dropout": 0.0}
    model = code.GPT(code.GPTConfig(**arguments))
    named = common.linear_turned(common.tensors(source))
    state = {f"transformer.{name}": torch.from_numpy(value) for name, value in named.items()}
    state["lm_head.weight"] = state["transformer.wte.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(name.endswith(".attn.bias") for name in missing), (missing, unexpected)
    optimizer = model.configure_optimizers(0.1, 1e-3, (0.9, 0.95), "cpu")
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "model_args": arguments,
                "iter_num": 0, "best_val_loss": 1e9, "config": arguments}, target.with_suffix(".pt"))
    return target.with_suffix(".pt")
