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


def write(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    import gguf
    config, named = common.config(source), common.linear_turned(common.tensors(source))
    writer = gguf.GGUFWriter(target.with_suffix(".gguf"), "gpt2")
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_feed_forward_length(4 * config["n_embd"])
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
