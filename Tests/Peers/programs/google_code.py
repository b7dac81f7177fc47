# SPDX-License-Identifier: Apache-2.0
"""Google's own code of BERT (google-research/bert: modeling.py, run_pretraining.py), run by TensorFlow 2's version 1."""
from __future__ import annotations

import functools
import importlib.metadata
import os
import pathlib
import sys
import types

import numpy as np

from . import common

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow 1's layers are Keras's of version 2.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")


def version() -> str:
    return f"tensorflow {importlib.metadata.version('tensorflow-cpu')}, google-research/bert {common.revision('bert')}"


@functools.cache
def _code():
    """modeling.py as it is; it asks for TensorFlow 1 with layers that version 2 has elsewhere."""
    import tensorflow
    old = tensorflow.compat.v1
    old.disable_v2_behavior()

    def layer_norm(inputs, begin_norm_axis, begin_params_axis, scope=None):
        """tf.contrib.layers.layer_norm: its epsilon is 1e-12."""
        assert begin_norm_axis == begin_params_axis == -1
        with old.variable_scope(scope, "LayerNorm"):
            size = inputs.shape[-1]
            beta = old.get_variable("beta", [size], initializer=old.zeros_initializer())
            gamma = old.get_variable("gamma", [size], initializer=old.ones_initializer())
            mean, variance = old.nn.moments(inputs, [-1], keepdims=True)
            return old.nn.batch_normalization(inputs, mean, variance, beta, gamma, 1e-12)

    def dense(inputs, units, activation=None, kernel_initializer=None, name="dense"):
        """tf.layers.dense."""
        with old.variable_scope(name):
            kernel = old.get_variable("kernel", [inputs.shape[-1], units], initializer=kernel_initializer)
            bias = old.get_variable("bias", [units], initializer=old.zeros_initializer())
            output = old.tensordot(inputs, kernel, [[-1], [0]]) + bias
            output.set_shape([*inputs.shape[:-1], units])
            return output if activation is None else activation(output)

    tf = types.SimpleNamespace(**{name: getattr(old, name) for name in dir(old) if name not in ("contrib", "layers")})
    tf.contrib = types.SimpleNamespace(layers=types.SimpleNamespace(layer_norm=layer_norm))
    tf.layers = types.SimpleNamespace(dense=dense)
    module = types.ModuleType("tensorflow")
    module.__dict__.update(tf.__dict__)
    sys.modules["tensorflow"] = module
    sys.path.insert(0, str(common.sources("bert")))
    import modeling
    return old, modeling


def outputs(path: pathlib.Path, inputs: dict[str, np.ndarray], config: dict) -> dict[str, np.ndarray]:
    """The states, the pooled output where there is a pooler, and what the heads of pre-training say."""
    tf, modeling = _code()
    settings = modeling.BertConfig.from_json_file(str(path / "bert_config.json"))
    checkpoint = tf.train.latest_checkpoint(str(path))
    stored = dict(tf.train.list_variables(checkpoint))
    with tf.Session(graph=tf.Graph()) as session:
        given = {name: tf.placeholder(tf.int32, value.shape) for name, value in inputs.items()}
        model = modeling.BertModel(
            settings, is_training=False, input_ids=given["input_ids"], input_mask=given.get("attention_mask"),
            token_type_ids=given.get("token_type_ids"))
        states = model.get_all_encoder_layers()
        found = {"hidden_states.0": model.get_embedding_output(), "last_hidden_state": model.get_sequence_output()}
        found |= {f"hidden_states.{index + 1}": state for index, state in enumerate(states)}
        if "bert/pooler/dense/kernel" in stored:
            found["pooler_output"] = model.get_pooled_output()
        if "cls/predictions/output_bias" in stored:
            found["logits"] = found["prediction_logits"] = _predictions(tf, modeling, settings, model)
        for scope, name in (("cls/seq_relationship", "seq_relationship_logits"), ("", "logits")):
            weights = f"{scope}/output_weights".removeprefix("/")
            if weights in stored:
                found[name] = _classes(tf, model, scope, stored[weights])
                found.setdefault("logits", found[name])
        session.run(tf.global_variables_initializer())
        wanted = [variable for variable in tf.global_variables() if variable.op.name in stored]
        left = set(stored) - {variable.op.name for variable in wanted}
        assert not left, f"the code has no {left}"
        tf.train.Saver(wanted).restore(session, checkpoint)
        return session.run(found, {given[name]: value for name, value in inputs.items()})


def _predictions(tf, modeling, settings, model):
    """run_pretraining.py, get_masked_lm_output: the logits of every token."""
    with tf.variable_scope("cls/predictions"):
        with tf.variable_scope("transform"):
            hidden = sys.modules["tensorflow"].layers.dense(
                model.get_sequence_output(), units=settings.hidden_size,
                activation=modeling.get_activation(settings.hidden_act),
                kernel_initializer=modeling.create_initializer(settings.initializer_range))
            hidden = modeling.layer_norm(hidden)
        bias = tf.get_variable("output_bias", shape=[settings.vocab_size], initializer=tf.zeros_initializer())
        return tf.tensordot(hidden, model.get_embedding_table(), [[-1], [1]]) + bias


def _classes(tf, model, scope: str, shape: list[int]):
    """run_pretraining.py, get_next_sentence_output, and run_classifier.py, create_model: the logits of each text."""
    with tf.variable_scope(scope or tf.get_variable_scope()):
        weights = tf.get_variable("output_weights", shape=shape)
        bias = tf.get_variable("output_bias", shape=shape[:1])
        return tf.nn.bias_add(tf.matmul(model.get_pooled_output(), weights, transpose_b=True), bias)
