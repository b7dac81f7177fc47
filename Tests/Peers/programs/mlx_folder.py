# SPDX-License-Identifier: Apache-2.0
"""Apple's mlx, by mlx-lm: a folder with config.json and safetensors in its own names."""
from __future__ import annotations

import importlib.metadata
import json
import pathlib

import numpy as np

from . import common


def version() -> str:
    return f"mlx {importlib.metadata.version('mlx')}, mlx-lm {importlib.metadata.version('mlx-lm')}"


def logits(path: pathlib.Path, ids: np.ndarray, _config: dict) -> np.ndarray:
    import mlx.core as mx
    from mlx_lm.utils import load_model
    model, _ = load_model(path)
    return np.array(model(mx.array(ids)).astype(mx.float32))


def outputs(path: pathlib.Path, inputs: dict[str, np.ndarray], config: dict) -> dict[str, np.ndarray]:
    """The logits; ids alone are given."""
    return {"logits": logits(path, inputs["input_ids"], config)}


def write(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """What mlx-lm makes of a transformers folder and saves; its arguments want `n_ctx`."""
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.models import gpt2
    config = common.config(source)
    config.setdefault("n_ctx", config["n_positions"])
    model = gpt2.Model(gpt2.ModelArgs.from_dict(config))
    weights = {name: mx.array(value) for name, value in common.tensors(source).items()}
    model.load_weights(list(model.sanitize(weights).items()))
    target.mkdir(parents=True)
    mx.save_safetensors(str(target / "model.safetensors"), dict(tree_flatten(model.parameters())), {"format": "mlx"})
    (target / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return target
