# SPDX-License-Identifier: Apache-2.0
"""llama.cpp, by xllamacpp: a GGUF file in its server, which runs in this process and listens on the loopback. It gives
log-probabilities, one position a request, where llama-cpp-python has to be built for logits."""
from __future__ import annotations

import importlib.metadata
import json
import pathlib
import urllib.request

import numpy as np


def version() -> str:
    return f"xllamacpp {importlib.metadata.version('xllamacpp')}"


class Served:
    """A file that is served, with keys and values in single precision."""

    def __init__(self, path: pathlib.Path, context: int, threads: int = 1) -> None:
        import xllamacpp
        options = xllamacpp.CommonParams()
        options.model.path = str(path)
        options.n_ctx = context
        options.n_gpu_layers = 0
        options.n_parallel = 1
        options.verbosity = 0
        options.warmup = False
        options.cpuparams.n_threads = options.cpuparams_batch.n_threads = threads
        options.cache_type_k = options.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        options.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        # It ends with its last reference.
        self.server = xllamacpp.Server(options)

    def ask(self, place: str, **body: object) -> dict:
        """What it answers."""
        request = urllib.request.Request(f"{self.server.listening_address}/{place}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def log_probabilities(self, ids: list[int], count: int) -> np.ndarray:
        """Of each of `count` tokens behind the last of `ids`; none are told, and NaN stands here, where the likeliest
        one ends the text."""
        found = self.ask("completion", prompt=ids, n_predict=1, n_probs=count, temperature=-1.0, top_k=0, top_p=1.0,
                         min_p=0.0, cache_prompt=False)
        values = np.full(count, np.nan)
        for entry in found.get("completion_probabilities", [{"top_logprobs": []}])[0]["top_logprobs"]:
            values[entry["id"]] = entry["logprob"]
        return values

    def tokens(self, text: str, special: bool = False) -> list[int]:
        """The ids of a text, in which names of special tokens stand for them."""
        return self.ask("tokenize", content=text, add_special=special, parse_special=True)["tokens"]


def outputs(path: pathlib.Path, inputs: dict[str, np.ndarray], config: dict) -> dict[str, np.ndarray]:
    """The log-probabilities behind each position of each row; ids alone are given."""
    # Whatever is asked for, it makes 256 or more of it.
    served = Served(path, min(config["max_position_embeddings"], 256))
    return {"log_probs": np.stack([
        [served.log_probabilities([int(token) for token in row[:length + 1]], config["vocab_size"])
         for length in range(len(row))] for row in inputs["input_ids"]])}
