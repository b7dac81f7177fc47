# SPDX-License-Identifier: Apache-2.0
"""What the tests of GPT-1, BERT and GPT-2's other heads share: their fixtures, and transformers' outputs of a folder."""
from __future__ import annotations

import json
import pathlib

import numpy as np
import torch
import transformers
from interoperability import ROOT, ingot, temporary
from programs.transformers_folder import expert_by_expert
from safetensors.numpy import load_file

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

INPUTS = {"input_ids", "attention_mask", "token_type_ids", "position_ids", "mc_token_ids"}
LABELS = {"labels", "targets"}
# The largest difference of an output from float64's over its largest value: fp32's.
TOLERANCE = 5e-6


class Model:
    """A model under fixtures/ with its float64 outputs."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.fixtures = folder / "expected.safetensors"
        loaded = load_file(self.fixtures)
        self.inputs = {name: value for name, value in loaded.items() if name in INPUTS}
        self.expected = {name: value for name, value in loaded.items() if name not in INPUTS | LABELS | {"loss"}}
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        # Experts in blocks of four bits are unpacked: transformers computes with numbers on a processor.
        self.options = ("--dtype", "f32") if "quantization_config" in config else ()
        self.head = getattr(transformers, config["architectures"][0])

    def load(self, folder: pathlib.Path) -> transformers.PreTrainedModel:
        """A folder in the model's class; its tensors are all that the class has, but a pooler."""
        loaded, found = self.head.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        missing = set() if "pooler_output" in self.expected else {"pooler.dense.weight", "pooler.dense.bias"}
        if not found["missing_keys"] <= missing or found["unexpected_keys"]:
            raise AssertionError(f"{self.name}: {found}")
        return expert_by_expert(loaded).eval()

    def difference(self, loaded: transformers.PreTrainedModel) -> float:
        """The largest difference of an output where it counts from float64's, over the output's largest value."""
        with torch.no_grad():
            result = loaded(**{name: torch.from_numpy(value) for name, value in self.inputs.items()},
                            output_hidden_states=True)
        states = {f"hidden_states.{index}": state for index, state in enumerate(result.hidden_states)}
        found = {**result, **states, "last_hidden_state": result.hidden_states[-1]}
        return max(self._distance(found[name].numpy(), value) for name, value in self.expected.items())

    def _distance(self, found: np.ndarray, expected: np.ndarray) -> float:
        mask = self.inputs.get("attention_mask")
        if mask is not None and expected.shape[:mask.ndim] == mask.shape:
            found, expected = found[mask == 1], expected[mask == 1]
        return float(np.abs(found - expected).max() / np.abs(expected).max())


def models(folder: str) -> list[Model]:
    """All models of a folder of fixtures."""
    return [Model(path) for path in sorted((ROOT / "fixtures" / folder).iterdir())]


def there_and_back(model: Model) -> None:
    """What ingot writes transformers loads and computes with; what transformers saves ingot reads, and computes too."""
    with temporary() as name:
        folder = pathlib.Path(name)
        ingot("convert", model.folder, f"{folder}/ours/", "--for", "transformers", *model.options)
        loaded = model.load(folder / "ours")
        difference = model.difference(loaded)
        assert difference <= TOLERANCE, f"{model.name}: {difference} is over {TOLERANCE}"
        loaded.save_pretrained(folder / "theirs")
        for precision in ("reference", "fp32"):
            ingot("verify", folder / "theirs", "--fixtures", model.fixtures, "--precision", precision)
