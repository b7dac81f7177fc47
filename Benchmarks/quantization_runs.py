# SPDX-License-Identifier: Apache-2.0
"""Peers that run int8 weights with int8 activations: each makes a forward pass of a model, of ids `[T]`."""
from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np
import torch

from quantization_models import Forward, Model


class Logits(torch.nn.Module):
    """A model of ids alone, which exporters trace."""

    def __init__(self, network: torch.nn.Module, is_bert: bool):
        super().__init__()
        self.network, self.is_bert = network, is_bert

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits, or BERT's hidden states."""
        # Without a mask transformers looks for packed texts, by operators that ONNX lacks.
        mask = torch.ones_like(ids)
        if self.is_bert:
            return self.network(ids, attention_mask=mask).last_hidden_state
        return self.network(ids, attention_mask=mask, use_cache=False).logits


def onnxruntime(model: Model, folder: pathlib.Path, kind: str, per_channel: bool) -> Forward:
    """ONNX Runtime's dynamic quantization of an export: activations by a scale and a zero point of the whole tensor."""
    import onnxruntime as library
    from onnxruntime.quantization import QuantType, quantize_dynamic

    source, target = folder / "model.onnx", folder / f"model-{kind}-{per_channel}.onnx"
    if not source.exists():
        ids = torch.from_numpy(model.windows[:1].astype(np.int64))
        with torch.no_grad():
            torch.onnx.export(Logits(model.load(model.folder), model.is_bert).eval(), (ids,), str(source),
                              input_names=["ids"], output_names=["found"], dynamo=False)
    quantize_dynamic(source, target, weight_type=QuantType[kind], per_channel=per_channel)
    session = library.InferenceSession(target, providers=["CPUExecutionProvider"])
    return lambda ids: session.run(["found"], {"ids": ids[None].astype(np.int64)})[0][0]


def ctranslate2(model: Model, folder: pathlib.Path) -> Forward:
    """CTranslate2's int8 on a processor: activations by a scale a token."""
    import ctranslate2 as library
    from ctranslate2.converters import TransformersConverter

    path = str(folder / "ctranslate2")
    TransformersConverter(str(model.folder)).convert(path, quantization="int8", force=True)
    if model.is_bert:
        encoder = library.Encoder(path, device="cpu", compute_type="int8")
        return lambda ids: np.array(encoder.forward_batch([ids.tolist()]).last_hidden_state)[0]
    generator = library.Generator(path, device="cpu", compute_type="int8")
    return lambda ids: np.array(generator.forward_batch([ids.tolist()]))[0]


def torchao(model: Model, folder: pathlib.Path) -> Forward:
    """torchao's int8 activations by a scale a token; the embedding stays, the head does not."""
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    network = model.load(model.folder)
    quantize_(network, Int8DynamicActivationInt8WeightConfig())
    return model.forward(network)


def blocks(values: np.ndarray) -> np.ndarray:
    """What llama.cpp's blocks Q8_0 make of values, by its gguf-py."""
    import gguf

    kind = gguf.GGMLQuantizationType.Q8_0
    return gguf.quants.dequantize(gguf.quants.quantize(values, kind), kind).reshape(values.shape)


def with_inputs_in_blocks(network: torch.nn.Module) -> torch.nn.Module:
    """Inputs of products become blocks of 32 too, as llama.cpp's CPU kernels have them."""
    def hook(layer: torch.nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return (torch.from_numpy(blocks(np.ascontiguousarray(inputs[0].numpy()))),)

    for layer in network.modules():
        if isinstance(layer, torch.nn.Linear):
            layer.register_forward_pre_hook(hook)
    return network


def in_blocks(model: Model, folder: pathlib.Path) -> Forward:
    """llama.cpp's Q8_0 as its CPU kernels run it."""
    network = model.load(model.folder)
    for weight in model.matrices(network, with_embedding=True).values():
        weight.data = torch.from_numpy(blocks(weight.detach().numpy()))
    return model.forward(with_inputs_in_blocks(network))


# By the name for `--peers`: a row's name, and how.
PEERS: dict[str, list[tuple[str, Callable[[Model, pathlib.Path], Forward]]]] = {
    "onnxruntime": [
        (f"onnxruntime, {kind}, {'a scale a channel' if per_channel else 'a scale a tensor'}",
         lambda model, folder, kind=kind, per_channel=per_channel: onnxruntime(model, folder, kind, per_channel))
        for kind in ("QInt8", "QUInt8") for per_channel in (False, True)],
    "ctranslate2": [("CTranslate2, int8", ctranslate2)],
    "torchao": [("torchao, int8", torchao)],
    "llama.cpp": [("llama.cpp, Q8_0", in_blocks)],
}
