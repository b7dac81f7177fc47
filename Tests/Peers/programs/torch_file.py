# SPDX-License-Identifier: Apache-2.0
"""PyTorch's own file: a state dict by torch.save, read with weights_only=True and put into transformers' GPT-2."""
from __future__ import annotations

import importlib.metadata
import json
import pathlib
import shutil
from collections.abc import Collection

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


def outputs(path: pathlib.Path, inputs: dict[str, np.ndarray], config: dict) -> dict[str, np.ndarray]:
    """The outputs of the class that a config names, with the state dict of a file."""
    import torch
    from transformers import AutoConfig
    state = torch.load(path, weights_only=True)
    class_ = transformers_folder.head(config)
    settings = AutoConfig.for_model(**config)
    settings._attn_implementation = "eager"  # pylint: disable=protected-access
    loaded = class_(settings).eval()
    places = {name: value.data_ptr() for name, value in loaded.state_dict().items()}
    state = {class_name(name, places, f"{class_.base_model_prefix}."): value for name, value in state.items()}
    missing, unexpected = loaded.load_state_dict(state, strict=False)
    # Tied ones are stored once; a model may have been saved without its pooler, and buffers are made anew.
    filled = {places[name] for name in state if name in places}
    empty = {name for name in missing if places[name] not in filled}
    assert not set(unexpected) & set(places) and empty <= {"pooler.dense.weight", "pooler.dense.bias"}, (
        missing, unexpected)
    loaded.tie_weights()
    return transformers_folder.all_outputs(loaded, inputs)


def class_name(name: str, places: Collection[str], prefix: str) -> str:
    """A tensor's name in a class, whether it was saved from the body alone or with a head, and how its norms and its head
    are called."""
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
    name = name.replace("embed_out.", "lm_head.")
    return next((other for other in (name, prefix + name, name.removeprefix(prefix)) if other in places), name)
