# SPDX-License-Identifier: Apache-2.0
"""transformers with every float32 replaced by float64, in a process of its own: `model.double()` alone leaves norms,
softmax and tables of rotary embeddings in single precision. For models whose config is a language model's."""
from __future__ import annotations

import importlib.metadata
import pathlib

import numpy as np

from . import torch_file

IMAGES = ("vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector.")
BUFFERS = ("inv_freq", ".attention.bias", ".attention.masked_bias")


def version() -> str:
    return importlib.metadata.version("transformers")


def exact_outputs(path: pathlib.Path, inputs: dict[str, np.ndarray], config: dict) -> dict[str, np.ndarray]:
    """Logits and log-probabilities of a folder's weights under a config, of ids alone."""
    import ml_dtypes  # BF16 for NumPy.  pylint: disable=unused-import
    import torch
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = lambda tensor, *_, **__: tensor.to(torch.float64)
    torch.set_default_dtype(torch.float64)
    # Not before: it keeps what it finds there.
    import transformers
    from safetensors.numpy import load_file
    class_ = getattr(transformers, config["architectures"][0])
    if class_.__name__.endswith("Model"):
        # A model that has no head of its own: it is the table of tokens.
        class_ = transformers.AutoModelForCausalLM._model_mapping[class_.config_class]  # pylint: disable=protected-access
    names = {"model_type", "torch_dtype", "dtype"}
    settings = class_.config_class(**{key: value for key, value in config.items() if key not in names})
    # Matrices of experts by groups are not multiplied in double precision.
    settings._attn_implementation = settings._experts_implementation = "eager"  # pylint: disable=protected-access
    model = class_(settings).eval()
    places, prefix = model.state_dict().keys(), f"{class_.base_model_prefix}."
    stored = torch_file.with_merged_experts({
        name: torch.from_numpy(value if value.dtype == np.uint8 else np.asarray(value, np.float64))
        for name, value in load_file(path / "model.safetensors").items() if not name.startswith(IMAGES)})
    weights = {torch_file.class_name(_of_text(name), places, prefix): value for name, value in stored.items()}
    model.tie_weights()
    found = model.load_state_dict(weights, strict=False)
    assert all(name.endswith(BUFFERS) for name in found.unexpected_keys), found
    assert set(found.missing_keys) <= {"lm_head.weight"}, found
    with torch.no_grad():
        logits = model(torch.from_numpy(inputs["input_ids"].astype(np.int64))).logits
    return {"logits": logits.numpy(), "log_probs": torch.log_softmax(logits, -1).numpy()}


def _of_text(name: str) -> str:
    """The name in the language model of a tensor of a model that takes images, too."""
    return name.replace("model.language_model.", "model.").replace("language_model.", "")
