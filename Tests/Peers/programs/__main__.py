# SPDX-License-Identifier: Apache-2.0
"""Runs one program: python -m programs NAME JOBS.json RESULTS.json, or python -m programs NAME version.

A job is ["logits", PATH, IDS.npy, CONFIG.json, OUT.npy], ["outputs", PATH, INPUTS.npz, CONFIG.json, OUT.npz], "exact_outputs" likewise where there is one,
["write", SOURCE, TARGET] or, for a program that quantizes, ["quantize", SOURCE, TARGET]. Its result is ["done", what the
program says] or ["failed", why].
"""
import importlib
import json
import pathlib
import sys
import traceback

import numpy as np


def work(program, verb: str, *paths: pathlib.Path) -> str:
    """One job."""
    if verb in ("write", "quantize"):
        return str(getattr(program, verb)(*paths))
    path, given, config, out = paths
    if verb in ("outputs", "exact_outputs"):
        values = getattr(program, verb)(path, dict(np.load(given)), json.loads(config.read_text(encoding="utf-8")))
        np.savez(out, **{name: np.asarray(value, np.float64) for name, value in values.items()})
        return str(out)
    values = program.logits(path, np.load(given), json.loads(config.read_text(encoding="utf-8")))
    np.save(out, np.asarray(values, np.float64))
    return str(out)


def main() -> None:
    name, *rest = sys.argv[1:]
    program = importlib.import_module(f".{name}", __package__)
    if rest == ["version"]:
        print(program.version())
        return
    jobs, results = map(pathlib.Path, rest)
    found = []
    for verb, *paths in json.loads(jobs.read_text(encoding="utf-8")):
        try:
            found.append(["done", work(program, verb, *map(pathlib.Path, paths))])
        except Exception:  # pylint: disable=broad-exception-caught
            found.append(["failed", traceback.format_exc()[-1500:]])
    results.write_text(json.dumps(found), encoding="utf-8")


main()
