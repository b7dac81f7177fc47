# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's transformers: a folder with config.json and safetensors."""
from __future__ import annotations

import importlib.metadata
import pathlib

import numpy as np


def version() -> str:
    return importlib.metadata.version("transformers")


def model(folder: pathlib.Path):
    from transformers import AutoModelForCausalLM
    import torch
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def run(loaded, ids: np.ndarray) -> np.ndarray:
    import torch
    with torch.no_grad():
        return loaded(torch.from_numpy(ids.astype(np.int64))).logits.numpy()


def logits(path: pathlib.Path, ids: np.ndarray, _config: dict) -> np.ndarray:
    return run(model(path), ids)


def write(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    model(source).save_pretrained(target)
    return target
