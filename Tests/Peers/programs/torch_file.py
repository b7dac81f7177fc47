# SPDX-License-Identifier: Apache-2.0
"""PyTorch's own file: a state dict by torch.save, read with weights_only=True and put into transformers' GPT-2."""
from __future__ import annotations

import importlib.metadata
import json
import pathlib
import shutil

import numpy as np

from . import common, transformers_folder


def version() -> str:
    return importlib.metadata.version("torch")


def logits(path: pathlib.Path, ids: np.ndarray, config: dict) -> np.ndarray:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel
    state = torch.load(path, weights_only=True)
    state = {name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}": value
             for name, value in state.items() if not common.is_buffer(name)}
    loaded = GPT2LMHeadModel(GPT2Config(**config, attn_implementation="eager")).eval()
    missing, unexpected = loaded.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    loaded.tie_weights()
    return transformers_folder.run(loaded, ids)


def write(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    import torch
    target.mkdir(parents=True)
    torch.save(transformers_folder.model(source).state_dict(), target / "pytorch_model.bin")
    shutil.copy(source / "config.json", target)
    assert json.loads((target / "config.json").read_text(encoding="utf-8"))
    return target
