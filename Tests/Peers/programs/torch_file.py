# SPDX-License-Identifier: Apache-2.0
"""PyTorch's own file: a state dict by torch.save, read with weights_only=True and put into transformers' GPT-2."""
from __future__ import annotations

import importlib.metadata
import json
import pathlib
import re
import shutil
from collections.abc import Collection

import numpy as np

from . import common, transformers_folder

# A matrix of one expert, and Mixtral's names of the three.
EXPERT = re.compile(r"(.*layers\.\d+)\.(?:block_sparse_moe|mlp)\.experts\.(\d+)\.(\w+)\.weight")
PARTS = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"}
FP4 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


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
    state = with_merged_experts(state)
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
    return transformers_folder.all_outputs(transformers_folder.expert_by_expert(loaded), inputs)


def with_merged_experts(state: dict) -> dict:
    """A state dict with the experts of each block in two tensors, as transformers' classes have them: of a Mixtral or a
    Qwen expert by expert, gate before up; of a gpt-oss unpacked from MXFP4."""
    import torch
    merged, experts = {}, {}
    for name, value in state.items():
        found = EXPERT.fullmatch(name)
        if found:
            experts.setdefault(f"{found[1]}.mlp.experts.", {})[int(found[2]), PARTS.get(found[3], found[3])] = value
        elif name.endswith(("_blocks", "_scales")):
            name = name[:-len("_blocks")]
            if name not in merged:
                merged[name] = _unpacked(state[f"{name}_blocks"], state[f"{name}_scales"])
        else:
            merged[name.replace(".block_sparse_moe.", ".mlp.")] = value
    for start, parts in experts.items():
        places = range(1 + max(place for place, _ in parts))
        merged[f"{start}gate_up_proj"] = torch.stack(
            [torch.cat([parts[place, "gate_proj"], parts[place, "up_proj"]]) for place in places])
        merged[f"{start}down_proj"] = torch.stack([parts[place, "down_proj"] for place in places])
    return merged


def _unpacked(blocks, scales):
    """The numbers [E, in, out] of MXFP4's blocks [E, out, in / 32, 16], the lower half of a byte first."""
    import torch
    signed = torch.tensor([*FP4, *(-number for number in FP4)], dtype=torch.get_default_dtype())
    codes = torch.stack([blocks & 15, blocks >> 4], -1).flatten(-2).to(torch.int64)
    numbers = signed[codes] * torch.exp2(scales.to(signed.dtype) - 127)[..., None]
    return numbers.flatten(-2).transpose(1, 2).contiguous()


def class_name(name: str, places: Collection[str], prefix: str) -> str:
    """A tensor's name in a class, whether it was saved from the body alone or with a head, and how its norms and its head
    are called."""
    name = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
    name = name.replace("embed_out.", "lm_head.")
    return next((other for other in (name, prefix + name, name.removeprefix(prefix)) if other in places), name)
