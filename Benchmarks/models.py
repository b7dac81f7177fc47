# SPDX-License-Identifier: Apache-2.0
"""The benchmarks' inputs, made by ingot when they are asked for: an untrained GPT-2 in several formats and names."""
from __future__ import annotations

import pathlib
import shutil
import subprocess

PRESETS = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
# How each is made of the model in safetensors with Hugging Face's names: words behind `ingot VERB SOURCE TARGET`.
DERIVED = {
    "model.npz": ["convert"],
    "model.ingot": ["convert"],
    "model.pt": ["convert"],
    "openai.npz": ["convert", "--dialect", "openai"],
    "model.gguf": ["convert", "--for", "llama.cpp"],
    "gpt2-bf16/": ["convert", "--dtype", "bf16"],
    "gpt2-int8/": ["quantize"],
}


class Models:
    """Inputs in a folder."""

    def __init__(self, ingot: pathlib.Path, folder: pathlib.Path, preset: str):
        self.ingot, self.folder, self.preset = str(ingot), folder, preset

    def path(self, name: str) -> pathlib.Path:
        """An input: `gpt2/`, or one of `DERIVED`; made when it isn't there yet."""
        path = self.folder / name
        if not path.exists():
            if name == "gpt2/":
                words = ["init", "gpt2", "--preset", self.preset, "--seed", "1", f"{path}/"]
            else:
                verb, *rest = DERIVED[name]
                words = [verb, f"{self.path('gpt2/')}/", str(path) + "/" * name.endswith("/"), *rest]
            subprocess.run([self.ingot, *words, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        return path

    def weights(self, name: str) -> pathlib.Path:
        """The file of an input's weights."""
        return self.path(name) / "model.safetensors" if name.endswith("/") else self.path(name)

    def forget(self, name: str) -> None:
        """Makes room."""
        path = self.folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
