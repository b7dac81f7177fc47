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


def head(config: dict):
    """The class that a config names."""
    import transformers
    return getattr(transformers, config["architectures"][0])


def expert_by_expert(loaded):
    """The same model, whose experts are computed one after the other: by groups, rows must be of whole 16 bytes."""
    loaded.config._experts_implementation = "eager"  # pylint: disable=protected-access
    return loaded


def all_outputs(loaded, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every output, and the states before and behind each block."""
    import torch
    given = {name: torch.from_numpy(value.astype(np.int64)) for name, value in inputs.items()}
    with torch.no_grad():
        result = loaded(**given, output_hidden_states=True)
    states = {f"hidden_states.{index}": state.numpy() for index, state in enumerate(result.hidden_states)}
    plain = {name: value.numpy() for name, value in result.items() if isinstance(value, torch.Tensor)}
    return {"last_hidden_state": result.hidden_states[-1].numpy(), **plain, **states}


def outputs(path: pathlib.Path, inputs: dict[str, np.ndarray], config: dict) -> dict[str, np.ndarray]:
    """The outputs of the class that the folder's config names: all its tensors are there, but a pooler."""
    return all_outputs(_loaded(path, config), inputs)


def exact_outputs(path: pathlib.Path, inputs: dict[str, np.ndarray], config: dict) -> dict[str, np.ndarray]:
    """The same in double precision, as far as the class has it."""
    return all_outputs(_loaded(path, config).double(), inputs)


def _loaded(path: pathlib.Path, config: dict):
    import torch
    loaded, found = head(config).from_pretrained(
        path, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert set(found["missing_keys"]) <= {"pooler.dense.weight", "pooler.dense.bias"}, found
    assert not found["unexpected_keys"], found
    return expert_by_expert(loaded).eval()
