# SPDX-License-Identifier: Apache-2.0
"""OpenAI's own code of GPT-1 (openai/finetune-transformer-lm: train.py), run by TensorFlow 2's version 1: a release of
params_*.npy with params_shapes.json."""
from __future__ import annotations

import importlib.metadata
import json
import math
import os
import pathlib

import numpy as np

from . import common

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def version() -> str:
    return (f"tensorflow {importlib.metadata.version('tensorflow-cpu')}, "
            f"openai/finetune-transformer-lm {common.revision('finetune-transformer-lm')}")


def parameters(folder: pathlib.Path) -> list[np.ndarray]:
    """The tensors of a release, as train.py reads them."""
    shapes = json.loads((folder / "params_shapes.json").read_text(encoding="utf-8"))
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    flat = np.concatenate([np.load(folder / f"params_{index}.npy") for index in range(10)], 0)
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]


def _code(tf, config: dict) -> dict:
    """The model's functions of train.py as they are; the rest of it asks for a data set."""
    text = (common.sources("finetune-transformer-lm") / "train.py").read_text(encoding="utf-8")
    names = {
        "tf": tf, "np": np, "math": math, "adam": None, "warmup_cosine": None, "warmup_linear": None,
        "warmup_constant": None, "convert_gradient_to_tensor": lambda x: x,
        "shape_list": lambda x: [-1 if size is None else int(size) for size in x.shape],
        "n_head": config["n_head"], "afn": config.get("afn", "gelu"), "attn_pdrop": 0, "resid_pdrop": 0,
    }
    exec(text[text.index("def gelu"):text.index("def mgpu_train")], names)  # pylint: disable=exec-used
    return names


def outputs(path: pathlib.Path, inputs: dict[str, np.ndarray], config: dict) -> dict[str, np.ndarray]:
    """The states before and behind each block, and the logits."""
    import tensorflow
    tf = tensorflow.compat.v1
    tf.disable_v2_behavior()
    code = _code(tf, config)
    positions, tokens, *blocks = parameters(path)
    ids = inputs["input_ids"]
    # Its one table has the tokens first, and the positions behind them.
    pairs = np.stack([ids, np.broadcast_to(len(tokens) + np.arange(ids.shape[1]), ids.shape)], -1)
    with tf.Session(graph=tf.Graph()) as session:
        table = tf.constant(np.concatenate([tokens, positions[:config["n_positions"]]]))
        states = [code["embed"](tf.constant(pairs, tf.int32), table)]
        with tf.variable_scope("model"):
            for block in range(config["n_layer"]):
                states.append(code["block"](states[-1], f"h{block}", scale=True))
        session.run(tf.global_variables_initializer())
        for variable, value in zip(tf.global_variables(), blocks, strict=True):
            variable.load(value, session)
        found = {f"hidden_states.{index}": state for index, state in enumerate(states)}
        found |= {"last_hidden_state": states[-1], "logits": tf.tensordot(states[-1], tf.constant(tokens), [[-1], [1]])}
        return session.run(found)
