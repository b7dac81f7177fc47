# SPDX-License-Identifier: Apache-2.0
"""Copies a GPT-2 with outlier channels planted: the same function, which int8 finds harder.

usage: python3 Benchmarks/planted_outliers.py FOLDER [--model fixtures/kjv-gpt2] [--channels 3] [--scale 64]
Of each norm that feeds a linear layer, gain and bias of a few channels are multiplied by a power of two, and the rows of
the next weight that take these channels are divided by it. Both are exact in F32, and so is every product that they meet
in; what is changed is only what quantization sees: activations with channels that are far larger than the others, as large
language models have them (Dettmers et al., "LLM.int8()", 2022), and weights with rows that are far smaller.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import shutil

import numpy as np
from safetensors.numpy import load_file, save_file

KJV = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "kjv-gpt2"
# What each norm of a block feeds; the last norm feeds the head, which is the embedding too and has to stay.
FEEDS = {"ln_1": "attn.c_attn", "ln_2": "mlp.c_fc"}
COPIED = ("config.json", "generation_config.json", "tokenizer.json", "vocab.json", "merges.txt")
SEED = 20261130


def scaled(values: np.ndarray, factor: float, channels: np.ndarray) -> np.ndarray:
    """Values `[C, …]` with some channels multiplied by a power of two; anything but an exact product is an error."""
    result = values.copy()
    result[channels] *= np.float32(factor)
    if not np.array_equal(result[channels] / np.float32(factor), values[channels]):
        raise SystemExit(f"a factor of {factor} is not exact")
    return result


def plant(tensors: dict[str, np.ndarray], blocks: int, count: int, scale: float) -> dict[str, np.ndarray]:
    """The tensors of a GPT-2 by transformers' names, with `count` outlier channels behind each norm of its blocks."""
    result, random = dict(tensors), np.random.default_rng(SEED)
    for block in range(blocks):
        for norm, layer in FEEDS.items():
            name = f"transformer.h.{block}"
            gain, bias, weight = f"{name}.{norm}.weight", f"{name}.{norm}.bias", f"{name}.{layer}.weight"
            channels = np.sort(random.choice(len(tensors[gain]), count, replace=False))
            result[gain] = scaled(tensors[gain], scale, channels)
            result[bias] = scaled(tensors[bias], scale, channels)
            # [in, out].
            result[weight] = scaled(tensors[weight], 1 / scale, channels)
    return result


def main() -> None:
    """Writes the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path, default=KJV)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--scale", type=float, default=64)
    options = parser.parse_args()
    if options.scale <= 0 or np.frexp(options.scale)[0] != 0.5:
        raise SystemExit("--scale has to be a power of two")
    config = json.loads((options.model / "config.json").read_text(encoding="utf-8"))
    planted = plant(load_file(options.model / "model.safetensors"), config["n_layer"], options.channels, options.scale)
    options.folder.mkdir(parents=True, exist_ok=True)
    save_file(planted, options.folder / "model.safetensors", metadata={"format": "pt"})
    for name in COPIED:
        if (options.model / name).exists():
            shutil.copy(options.model / name, options.folder)


if __name__ == "__main__":
    main()
