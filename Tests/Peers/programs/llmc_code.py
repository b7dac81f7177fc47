# SPDX-License-Identifier: Apache-2.0
"""Karpathy's llm.c: its own train_gpt2.c loads and runs a model file, its own train_gpt2.py writes one."""
from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from . import common

MAIN = r"""
#define TESTING
#include "train_gpt2.c"
int main(int argc, char *argv[]) {
    GPT2 model;
    gpt2_build_from_checkpoint(&model, argv[1]);
    int B = atoi(argv[2]), T = atoi(argv[3]), V = model.config.vocab_size, Vp = model.config.padded_vocab_size;
    int *ids = malloc(B * T * sizeof(int));
    FILE *file = fopen(argv[4], "rb");
    if (fread(ids, sizeof(int), B * T, file) != (size_t)(B * T)) return 1;
    fclose(file);
    gpt2_forward(&model, ids, NULL, B, T);
    file = fopen(argv[5], "wb");
    for (int i = 0; i < B * T; i++) fwrite(model.acts.logits + (size_t)i * Vp, sizeof(float), V, file);
    return fclose(file);
}
"""


def version() -> str:
    return f"karpathy/llm.c {common.revision('llm.c')}"


def logits(path: pathlib.Path, ids: np.ndarray, config: dict) -> np.ndarray:
    code = common.sources("llm.c")
    with tempfile.TemporaryDirectory(prefix="ingot-peers-") as name:
        folder = pathlib.Path(name)
        (folder / "main.c").write_text(MAIN, encoding="utf-8")
        program = folder / "main"
        subprocess.run(["cc", "-O2", "-w", f"-I{code}", str(folder / "main.c"), "-o", str(program), "-lm"], check=True)
        ids.astype("<i4").tofile(folder / "ids")
        subprocess.run([program, path, str(ids.shape[0]), str(ids.shape[1]), folder / "ids", folder / "logits"],
                       check=True, stdout=subprocess.DEVNULL)
        return np.fromfile(folder / "logits", "<f4").reshape(*ids.shape, config["vocab_size"])


def write(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """Its write_model; the one line of it that insists on the vocabulary of the published GPT-2 is answered."""
    import torch
    import torch.nn.functional as functional
    sys.path.insert(0, str(common.sources("llm.c")))
    import train_gpt2 as code

    def pad(tensor, multiple=128, value=0):
        rows = -tensor.shape[0] % multiple
        return functional.pad(tensor, (0, 0, 0, rows), value=value)

    code.pad_vocab = pad
    config = common.config(source)
    model = code.GPT(code.GPTConfig(block_size=config["n_positions"], vocab_size=config["vocab_size"],
                                    n_layer=config["n_layer"], n_head=config["n_head"], n_embd=config["n_embd"]))
    named = common.linear_turned(common.tensors(source))
    state = {f"transformer.{name}": torch.from_numpy(value) for name, value in named.items()}
    state["lm_head.weight"] = state["transformer.wte.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(name.endswith(".attn.bias") for name in missing), (missing, unexpected)
    with open("/dev/null", "w", encoding="utf-8") as silence:
        sys.stdout, saved = silence, sys.stdout
        code.write_model(model, target.with_suffix(".bin"), "float32")
        sys.stdout = saved
    return target.with_suffix(".bin")
