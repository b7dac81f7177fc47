# SPDX-License-Identifier: Apache-2.0
"""How far two runs of the same int8 weights and activations come apart with depth: a model's first blocks alone, in CTranslate2
and by hand, and by hand in two precisions.

usage: python3 Benchmarks/int8_by_depth.py --build .build/release --model FOLDER [--depths 1,2,4,8] [--tokens 256]
A number that is nearly half way between two integers is rounded to either by a difference of one bit, and what a token's
largest activation decides is a large step. So runs of equal integers differ like runs of other ones once a model is deep; the
last column says by how much two precisions of one arithmetic do.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np
from safetensors.numpy import load_file, save_file

import quantization_folders
from quantization_models import Model

TEXT = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "kjv-gpt2" / "heldout.txt"


def cut(source: pathlib.Path, target: pathlib.Path, depth: int) -> None:
    """The first blocks of a Llama."""
    target.mkdir()
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    (target / "config.json").write_text(json.dumps(config | {"num_hidden_layers": depth}), encoding="utf-8")
    tensors = {name: value for name, value in load_file(source / "model.safetensors").items()
               if not name.startswith("model.layers.") or int(name.split(".")[2]) < depth}
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, target)


def row(options: argparse.Namespace, depth: int, folder: pathlib.Path) -> str:
    """A line of the table."""
    source, made, numbers = folder / f"cut-{depth}", folder / f"made-{depth}", folder / "numbers.npz"
    cut(options.model, source, depth)
    model = Model(source, options.text.read_text(encoding="utf-8"), options.tokens)
    ingot = options.build / "ingot"
    subprocess.run([ingot, "quantize", source, f"{made}/", "--for", "ctranslate2", "--quiet"], check=True)
    subprocess.run([ingot, "convert", made / "model.bin", numbers, "--dtype", "f32", "--force", "--quiet"], check=True)
    with np.load(numbers) as file:
        network = quantization_folders.by_hand(model, dict(file))
    run = quantization_folders.ctranslate2(model, made)
    program = [run(ids) for ids in model.windows]
    singly = [model.forward(network)(ids) for ids in model.windows]
    doubly = [model.forward(network.double())(ids) for ids in model.windows]
    pairs = (program, model.expected), (program, singly), (doubly, singly)
    kl = [quantization_folders.distance(*pair)["kl_between"] for pair in pairs]
    return f"| {depth} | " + " | ".join(f"{value:.1e}" for value in kl) + " |"


def main() -> None:
    """Prints a row for each depth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--text", type=pathlib.Path, default=TEXT)
    parser.add_argument("--depths", default="1,2,4,8")
    parser.add_argument("--tokens", type=int, default=256)
    options = parser.parse_args()
    print("| blocks | CTranslate2 beside F32 | CTranslate2 beside by hand | by hand, float64 beside F32 |\n|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for depth in map(int, options.depths.split(",")):
            print(row(options, depth, pathlib.Path(folder)), flush=True)


if __name__ == "__main__":
    main()
