# SPDX-License-Identifier: Apache-2.0
"""llm-compressor's GPTQ of a causal language model, W8A16 a channel: what its linear layers' weights became.

usage: python3 Benchmarks/quantization_gptq.py MODEL TOKENS.npy OUT.safetensors
In a process and a Python of its own, since llm-compressor asks for another transformers than its peers. TOKENS are
windows `[B, T]` to calibrate with. The head and the embedding stay, as its examples have it. OUT holds weights `[out, in]`
as F32, and in its metadata, as `bits`, how many bits these and their scales take, and as `seconds` how long quantizing took, without
imports, reading and writing.
"""
from __future__ import annotations

import sys
import time

import numpy as np
import torch
from datasets import Dataset
from llmcompressor import oneshot
from llmcompressor.modifiers.gptq import GPTQModifier
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from linear_layers import with_linear_layers

CHANNELS = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"}


def main() -> None:
    """Quantizes, and writes the weights."""
    folder, tokens, output = sys.argv[1:]
    windows = np.load(tokens).astype(np.int64)
    model = with_linear_layers(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval())
    dataset = Dataset.from_dict({"input_ids": windows.tolist(), "attention_mask": np.ones_like(windows).tolist()})
    recipe = GPTQModifier(ignore=["lm_head"], config_groups={"weights": {"targets": ["Linear"], "weights": CHANNELS}})
    start = time.perf_counter()
    oneshot(model=model, dataset=dataset, recipe=recipe, max_seq_length=windows.shape[1], num_calibration_samples=len(windows))
    seconds = time.perf_counter() - start
    layers = {name: layer for name, layer in model.named_modules() if hasattr(layer, "weight_scale")}
    if not layers:
        raise SystemExit("llm-compressor quantized no layer")
    weights, bits = {}, 0
    for name, layer in layers.items():
        scale = layer.weight_scale.data.float()
        integers = torch.round(layer.weight.data.float() / scale)
        if integers.abs().max() > 128 or not torch.allclose(integers * scale, layer.weight.data.float(), rtol=1e-5, atol=1e-8):
            raise SystemExit(f"{name} is not of 8 bits")
        weights[f"{name}.weight"] = (integers * scale).contiguous()
        bits += integers.numel() * 8 + scale.numel() * 32
    save_file(weights, output, metadata={"bits": str(bits), "seconds": f"{seconds:.1f}"})


if __name__ == "__main__":
    main()
