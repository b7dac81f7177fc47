# SPDX-License-Identifier: Apache-2.0
"""transformers with every float32 replaced by float64, in a process of its own: `model.double()` alone leaves norms,
softmax and tables of rotary embeddings in single precision. For models whose config is a language model's."""
from __future__ import annotations

import importlib.metadata
import pathlib

import numpy as np


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
    names = {"model_type", "torch_dtype", "dtype"}
    settings = class_.config_class(**{key: value for key, value in config.items() if key not in names})
    settings._attn_implementation = "eager"  # pylint: disable=protected-access
    model = class_(settings).eval()
    weights = {name: torch.from_numpy(np.asarray(value, np.float64))
               for name, value in load_file(path / "model.safetensors").items() if not name.endswith("inv_freq")}
    model.tie_weights()
    found = model.load_state_dict(weights, strict=False)
    assert not found.unexpected_keys and set(found.missing_keys) <= {"lm_head.weight"}, found
    with torch.no_grad():
        logits = model(torch.from_numpy(inputs["input_ids"].astype(np.int64))).logits
    return {"logits": logits.numpy(), "log_probs": torch.log_softmax(logits, -1).numpy()}
