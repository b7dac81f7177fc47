# SPDX-License-Identifier: Apache-2.0
"""llama.cpp, by llama-cpp-python: a GGUF file. It writes none but by its converter, so gguf-py writes here, with the
names and keys of llama.cpp's own tables."""
from __future__ import annotations

import importlib.metadata
import json
import pathlib

import numpy as np

from . import common


def version() -> str:
    return f"llama-cpp-python {importlib.metadata.version('llama-cpp-python')}, gguf {importlib.metadata.version('gguf')}"


def logits(path: pathlib.Path, ids: np.ndarray, config: dict) -> np.ndarray:
    import llama_cpp
    rows = []
    for row in ids:
        # Its cache of keys and values is half precision unless told otherwise.
        model = llama_cpp.Llama(str(path), n_ctx=config["n_positions"], logits_all=True, verbose=False,
                                type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32, n_threads=1)
        model.eval([int(token) for token in row])
        rows.append(np.array(model.scores[:len(row)], np.float64))
    return np.stack(rows)


def embedder(path: pathlib.Path, context: int, pooling: int | None = None):
    """A model that gives states instead of logits, pooled as its file says or otherwise."""
    import llama_cpp
    options = {} if pooling is None else {"pooling_type": pooling}
    return llama_cpp.Llama(str(path), embedding=True, n_ctx=context, n_batch=context, n_ubatch=context, verbose=False,
                           n_threads=1, **options)


def outputs(path: pathlib.Path, inputs: dict[str, np.ndarray], config: dict) -> dict[str, np.ndarray]:
    """BERT's states of each row, and what its classifier says; ids alone are given."""
    import llama_cpp
    found: dict[str, list] = {"last_hidden_state": []}
    for name, pooling in (("last_hidden_state", llama_cpp.LLAMA_POOLING_TYPE_NONE), ("logits", None)):
        if name == "logits" and config["architectures"] != ["BertForSequenceClassification"]:
            continue
        model = embedder(path, config["max_position_embeddings"], pooling)
        found[name] = [_decoded(model, row, pooled=pooling is None, labels=len(config.get("id2label", ()))) for row in inputs["input_ids"]]
    return {name: np.stack(rows) for name, rows in found.items()}


def _decoded(model, row: np.ndarray, pooled: bool, labels: int) -> np.ndarray:
    """What llama.cpp gives for one row of ids: a state a token, or a classifier's numbers."""
    import llama_cpp
    # pylint: disable=protected-access
    model._batch.reset()
    model._batch.add_sequence([int(token) for token in row], 0, True)
    model._ctx.decode(model._batch)
    if pooled:
        return np.ctypeslib.as_array(llama_cpp.llama_get_embeddings_seq(model._ctx.ctx, 0), (labels,)).copy()
    return np.ctypeslib.as_array(llama_cpp.llama_get_embeddings(model._ctx.ctx), (len(row), model.n_embd())).copy()


def write(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    import gguf
    if json.loads((source / "config.json").read_text(encoding="utf-8")).get("model_type") == "bert":
        return _write_bert(source, target.with_suffix(".gguf"))
    config, named = common.config(source), common.linear_turned(common.tensors(source))
    writer = gguf.GGUFWriter(target.with_suffix(".gguf"), "gpt2")
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_feed_forward_length(config.get("n_inner") or 4 * config["n_embd"])
    writer.add_block_count(config["n_layer"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tokenizer(writer, source, config)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, config["n_layer"])
    for name, value in named.items():
        published = name if name.startswith("lm_head.") else f"transformer.{name}"
        writer.add_tensor(names.get_name(published, (".weight", ".bias")), value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target.with_suffix(".gguf")


def _write_bert(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """As conversion/bert.py does: the encoder alone, without its pooler."""
    import gguf
    from safetensors.numpy import load_file
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(target, "bert")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_causal_attention(False)
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_tokenizer_model("none")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
    for name, value in load_file(source / "model.safetensors").items():
        name = name.removeprefix("bert.").replace(".gamma", ".weight").replace(".beta", ".bias")
        if not name.startswith(("pooler.", "cls.", "classifier.")) and name != "embeddings.position_ids":
            writer.add_tensor(names.get_name(name, (".weight", ".bias")), value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def _add_tokenizer(writer, source: pathlib.Path, config: dict) -> None:
    """As llama.cpp's converter does; a model without a tokenizer says how many rows its embedding has."""
    import gguf
    writer.add_vocab_size(config["vocab_size"])
    if not (source / "vocab.json").exists():
        writer.add_tokenizer_model("none")
        return
    tokens = json.loads((source / "vocab.json").read_text(encoding="utf-8"))
    special = gguf.SpecialVocab(source, load_merges=True)
    control = set(special.special_token_ids.values())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(sorted(tokens, key=tokens.get))
    writer.add_token_types([gguf.TokenType.CONTROL if token in control else gguf.TokenType.NORMAL
                            for token in range(len(tokens))])
    special.add_to_gguf(writer, quiet=True)


def quantize(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """Its own quantizer, to Q8_0."""
    import ctypes

    import llama_cpp
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(options)) != 0:
        raise ValueError(f"{source} can't be quantized")
    return target
