# SPDX-License-Identifier: Apache-2.0
"""OpenAI's own code of GPT-2 (openai/gpt-2: src/model.py), run by TensorFlow 2's version 1: a TensorBundle."""
from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import pathlib
import shutil
import sys
import types

import numpy as np

from . import common

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def version() -> str:
    return f"tensorflow {importlib.metadata.version('tensorflow-cpu')}, openai/gpt-2 {common.revision('gpt-2')}"


@functools.cache
def _code():
    """model.py as it is; it asks for TensorFlow 1 and for HParams, which version 2 has elsewhere or not at all."""
    import tensorflow

    class HParams(types.SimpleNamespace):
        def override_from_dict(self, values):
            self.__dict__.update(values)

    old = tensorflow.compat.v1
    old.disable_v2_behavior()
    training = types.ModuleType("tensorflow.contrib.training")
    training.HParams = HParams
    sys.modules |= {"tensorflow": old, "tensorflow.contrib": types.ModuleType("tensorflow.contrib"),
                    "tensorflow.contrib.training": training}
    dimension = type("Dimension", (int,), {"value": property(int)})
    shape_type = tensorflow.TensorShape
    plain = shape_type.__getitem__

    def with_value(self, key):  # Version 1's dimensions are objects with a value.
        found = plain(self, key)
        return dimension(found) if isinstance(found, int) else found

    shape_type.__getitem__ = with_value
    sys.path.insert(0, str(common.sources("gpt-2") / "src"))
    import model
    return old, model


def _graph(tf, model, hparams: dict):
    parameters = model.default_hparams()
    parameters.override_from_dict(hparams)
    tokens = tf.placeholder(tf.int32, [1, None])
    return tokens, model.model(hparams=parameters, X=tokens)["logits"]


def logits(path: pathlib.Path, ids: np.ndarray, _config: dict) -> np.ndarray:
    tf, model = _code()
    hparams = json.loads((path / "hparams.json").read_text(encoding="utf-8"))
    with tf.Session(graph=tf.Graph()) as session:
        tokens, output = _graph(tf, model, hparams)
        tf.train.Saver().restore(session, tf.train.latest_checkpoint(str(path)))
        return np.concatenate([session.run(output, {tokens: row[None]}) for row in ids])


def write(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    tf, model = _code()
    config, named = common.config(source), common.tensors(source)
    hparams = {"n_vocab": config["vocab_size"], "n_ctx": config["n_positions"], "n_embd": config["n_embd"],
               "n_head": config["n_head"], "n_layer": config["n_layer"]}
    target.mkdir(parents=True)
    (target / "hparams.json").write_text(json.dumps(hparams), encoding="utf-8")
    with tf.Session(graph=tf.Graph()) as session:
        _graph(tf, model, hparams)
        for variable in tf.global_variables():
            variable.load(_value(variable, named), session)
        tf.train.Saver().save(session, str(target / "model.ckpt"), write_meta_graph=False)
    for name, old in (("vocab.json", "encoder.json"), ("merges.txt", "vocab.bpe")):
        if (source / name).exists():
            shutil.copy(source / name, target / old)
    return target


def _value(variable, named: dict[str, np.ndarray]) -> np.ndarray:
    """The tensor that stands for `model/h0/attn/c_attn/w`."""
    parts = variable.op.name.removeprefix("model/").split("/")
    if parts[0] in ("wte", "wpe"):
        return named[f"{parts[0]}.weight"]
    if parts[0].startswith("h"):
        parts = ["h", parts[0][1:], *parts[1:]]
    ends = {"g": "weight", "w": "weight", "b": "bias"}
    value = named[".".join([*parts[:-1], ends[parts[-1]]])]
    return value[None] if parts[-1] == "w" else value
