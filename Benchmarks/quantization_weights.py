# SPDX-License-Identifier: Apache-2.0
"""Weights to 8 bits by peers' own code: a matrix `[out, in]` in F32, and what its integers stand for."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Values `[out, in]`, and the bits that they and their scales take.
Quantized = tuple[np.ndarray, int]


def nearest(weight: np.ndarray) -> Quantized:
    """The baseline: a channel's scale is its largest magnitude over 127, and integers are the nearest."""
    scales = np.abs(weight).max(1, keepdims=True) / np.float32(127)
    integers = np.rint(weight / np.where(scales > 0, scales, 1))
    return integers * scales, weight.size * 8 + len(weight) * 32


def llama_cpp(weight: np.ndarray) -> Quantized:
    """llama.cpp's blocks of 32 with a scale in F16, by its gguf-py."""
    import gguf

    kind = gguf.GGMLQuantizationType.Q8_0
    blocks = gguf.quants.quantize(weight, kind)
    return gguf.quants.dequantize(blocks, kind).reshape(weight.shape), blocks.nbytes * 8


def ctranslate2(weight: np.ndarray) -> Quantized:
    """A layer as CTranslate2's converter stores it."""
    from ctranslate2.specs import common_spec

    layer = common_spec.LinearSpec()
    layer.weight = weight
    layer.validate()
    layer.optimize(quantization="int8")
    stored = {name: part.numpy() for name, part in layer.variables().items()}
    values = stored["weight"].astype(np.float32) / stored["weight_scale"].reshape(-1, 1)
    return values, sum(part.nbytes for part in stored.values()) * 8


def linear(weight: np.ndarray):
    """A torch module that holds a linear layer, for libraries that quantize those."""
    import torch

    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data = torch.from_numpy(weight.copy())
    return torch.nn.Sequential(layer)


def quanto(weight: np.ndarray) -> Quantized:
    """A linear layer of optimum-quanto's, qint8."""
    from optimum import quanto as library

    module = linear(weight)
    library.quantize(module, weights=library.qint8)
    library.freeze(module)
    stored = module[0].weight
    return stored.dequantize().detach().numpy(), (stored._data.nbytes + stored._scale.nbytes) * 8


def torchao(weight: np.ndarray) -> Quantized:
    """A linear layer of torchao's, Int8WeightOnlyConfig; its zero points are all 0 and not counted."""
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    module = linear(weight)
    quantize_(module, Int8WeightOnlyConfig())
    stored = module[0].weight
    if stored.zero_point is not None and stored.zero_point.any():
        raise SystemExit("torchao has zero points, which are not counted")
    return stored.dequantize().detach().numpy(), (stored.qdata.nbytes + stored.scale.nbytes) * 8


def bitsandbytes(weight: np.ndarray) -> Quantized:
    """LLM.int8()'s weights, which are taken in half precision; without its decomposition, which activations decide."""
    import torch
    from bitsandbytes import functional

    integers, maxima, _ = functional.int8_vectorwise_quant(torch.from_numpy(weight).half())
    values = integers.float() * (maxima.float() / 127).reshape(-1, 1)
    return values.numpy(), (integers.nbytes + maxima.nbytes) * 8


def mlx(size: int) -> Callable[[np.ndarray], Quantized]:
    """mlx's groups of so many inputs, with a scale and an offset each, of weights in half precision as mlx-lm has them."""
    def quantize(weight: np.ndarray) -> Quantized:
        import mlx.core as mx

        integers, scales, offsets = mx.quantize(mx.array(weight).astype(mx.float16), group_size=size, bits=8)
        wide = [part.astype(mx.float32) for part in (scales, offsets)]
        values = np.array(mx.dequantize(integers, *wide, group_size=size, bits=8))
        return values, (integers.nbytes + scales.nbytes + offsets.nbytes) * 8
    return quantize


# By the name for `--peers`: a row's name, and how.
PEERS: dict[str, list[tuple[str, Callable[[np.ndarray], Quantized]]]] = {
    "nearest": [("nearest, a scale a channel", nearest)],
    "llama.cpp": [("llama.cpp, Q8_0", llama_cpp)],
    "ctranslate2": [("CTranslate2, int8", ctranslate2)],
    "quanto": [("optimum-quanto, qint8", quanto)],
    "torchao": [("torchao, int8", torchao)],
    "bitsandbytes": [("bitsandbytes, LLM.int8()", bitsandbytes)],
    "mlx": [(f"mlx, groups of {size}", mlx(size)) for size in (128, 64, 32)],
}


def quantized(matrices: dict[str, np.ndarray], how: Callable[[np.ndarray], Quantized]) -> tuple[dict[str, np.ndarray], float]:
    """A model's matrices by a method, and its bits a weight."""
    # A copy each, since CTranslate2 quantizes in place.
    made = {name: how(np.array(weight, order="C")) for name, weight in matrices.items()}
    bits = sum(count for _, count in made.values())
    return {name: values for name, (values, _) in made.items()}, bits / sum(weight.size for weight in matrices.values())
