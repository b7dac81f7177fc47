# SPDX-License-Identifier: Apache-2.0
"""GPT-2 of transformers with linear layers in place of its Conv1D, which quantizers of linear layers pass over."""
from __future__ import annotations

import torch
from transformers.pytorch_utils import Conv1D


def with_linear_layers(network: torch.nn.Module) -> torch.nn.Module:
    """The same function, each weight `[out, in]`."""
    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, Conv1D):
                inputs, outputs = layer.weight.shape
                linear = torch.nn.Linear(inputs, outputs)
                linear.weight.data, linear.bias.data = layer.weight.data.T.contiguous(), layer.bias.data
                setattr(module, name, linear)
    return network
