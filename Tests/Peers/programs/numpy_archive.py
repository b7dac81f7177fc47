# SPDX-License-Identifier: Apache-2.0
"""NumPy: an archive of arrays, run by the short forward pass that the fixtures' references come from."""
from __future__ import annotations

import importlib.metadata
import pathlib
import shutil
import sys

from . import common

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "fixtures"))


def version() -> str:
    return importlib.metadata.version("numpy")


def logits(path, ids, config):
    import numpy
    from generate.numpy_gpt2 import forward
    with numpy.load(path) as archive:
        named = {name.removeprefix("transformer."): archive[name] for name in archive.files}
    return forward(named, config, {"input_ids": ids})["logits"]


def write(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    import numpy
    target.mkdir(parents=True)
    numpy.savez(target / "model.npz", **common.tensors(source))
    shutil.copy(source / "config.json", target)
    return target
