# SPDX-License-Identifier: Apache-2.0
"""What `ingot quantize --for PROGRAM` writes with int8 activations, run by Ingot and by the program itself.

A program's logits are also held against what the file's integers give by arithmetic that is written down here: the numbers that
they stand for in transformers, with inputs of products rounded as the program does it.
"""
from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch

import measurement
from quantization_models import Forward, Model, log_softmax, rows
from quantization_runs import with_inputs_in_blocks

if TYPE_CHECKING:
    from quantization_peers import Suite

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What `quantize` is told. Q8_0 has no activations of its own in the file: llama.cpp's kernels round them to blocks.
WRITTEN = {
    "transformers": ["--for", "transformers", "--scheme", "w8a8"],
    "ctranslate2": ["--for", "ctranslate2", "--scheme", "int8"],
    "llama.cpp": ["--for", "llama.cpp", "--scheme", "q8_0"],
}
# Of llama.cpp, which is asked for a token at a time.
POSITIONS = 64
NAMES = {"transformers": "transformers with compressed-tensors", "ctranslate2": "CTranslate2", "llama.cpp": "llama.cpp"}


def transformers(model: Model, path: pathlib.Path) -> Forward:
    """A folder of `w8a8` as transformers loads it, by the library compressed-tensors."""
    from transformers import AutoModel, AutoModelForCausalLM

    kind = AutoModel if model.is_bert else AutoModelForCausalLM
    return model.forward(kind.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval())


def ctranslate2(model: Model, path: pathlib.Path, compute: str = "int8") -> Forward:
    """A folder as CTranslate2 runs it; with `float32` it is the numbers that its integers stand for."""
    import ctranslate2 as library

    generator = library.Generator(str(path), device="cpu", compute_type=compute, intra_threads=1)
    return lambda ids: np.array(generator.forward_batch([ids.tolist()]))[0]


def llama_cpp(path: pathlib.Path, ids: np.ndarray, size: int) -> np.ndarray:
    """Log-probabilities of a GGUF in llama.cpp, keys and values in single precision: a request to its server for each token."""
    sys.path.insert(0, str(ROOT / "Tests" / "Peers"))
    from programs.xllamacpp_server import Served

    served = Served(path, 2 * len(ids))
    return np.array([served.log_probabilities(ids[: count + 1].tolist(), size) for count in range(len(ids))])


RUN: dict[str, Callable[[Model, pathlib.Path], Forward]] = {"transformers": transformers, "ctranslate2": ctranslate2}


def with_rounded_inputs(network: torch.nn.Module, divisor: float, with_head: bool) -> torch.nn.Module:
    """A network whose linear layers get their inputs in int8 by a scale a token, its largest magnitude over a divisor: 127 is
    Ingot's, CTranslate2's and vLLM's, 127.5 compressed-tensors'."""
    def rounded(_: torch.nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        scale = inputs[0].abs().amax(-1, keepdim=True) / divisor
        return (torch.clamp(torch.round(inputs[0] / torch.where(scale > 0, scale, 1)), -128, 127) * scale,)

    kept = None if with_head else network.get_output_embeddings()
    for layer in network.modules():
        if isinstance(layer, torch.nn.Linear) and layer is not kept:
            layer.register_forward_pre_hook(rounded)
    return network


def from_ctranslate2(stored: dict[str, np.ndarray], is_gpt2: bool) -> dict[str, np.ndarray]:
    """Numbers of a CTranslate2 file by transformers' names, linear weights `[out, in]`."""
    ends = {"gamma": "weight", "beta": "bias"}
    parts = {"layer_norm": "ln_1", "linear_0": "attn.c_attn", "linear_1": "attn.c_proj"} if is_gpt2 else \
        {"layer_norm": "input_layernorm", "linear_1": "self_attn.o_proj"}
    inner = {"layer_norm": "ln_2", "linear_0": "mlp.c_fc", "linear_1": "mlp.c_proj"} if is_gpt2 else \
        {"layer_norm": "post_attention_layernorm", "linear_0": "mlp.gate_proj", "linear_0_noact": "mlp.up_proj",
         "linear_1": "mlp.down_proj"}
    top = {"embeddings": "wte" if is_gpt2 else "embed_tokens", "layer_norm": "ln_f" if is_gpt2 else "norm"}
    prefix, blocks = ("transformer.", "h") if is_gpt2 else ("model.", "layers")
    found = {}
    for name, value in stored.items():
        words = name.removeprefix("decoder/").split("/")
        end = ends.get(words[-1], words[-1])
        if words[0] == "position_encodings":
            found[f"{prefix}wpe.weight"] = value
        elif not words[0].startswith("layer_") or words[0] == "layer_norm":
            if words[0] != "projection":
                found[f"{prefix}{top[words[0]]}.{end}"] = value
        else:
            block = f"{prefix}{blocks}.{words[0].removeprefix('layer_')}."
            names = parts if words[1] == "self_attention" else inner
            if words[2] in names:
                found[f"{block}{names[words[2]]}.{end}"] = value
            else:
                # Queries, keys and values, rows one behind the other; whoever takes them knows how many each has.
                found[f"{block}self_attn.qkv_proj.{end}"] = value
    return found


def by_hand(model: Model, stored: dict[str, np.ndarray]) -> torch.nn.Module:
    """What a CTranslate2 file's integers give where inputs of products are rounded, in transformers."""
    network = model.load(model.folder)
    wanted = network.state_dict()
    values = from_ctranslate2(stored, model.config["model_type"] == "gpt2")
    for name in [name for name in values if ".qkv_proj." in name]:
        together, start = values.pop(name), 0
        for part in "qkv":
            own = name.replace("qkv_proj", f"{part}_proj")
            count = len(wanted[own])
            values[own], start = together[start: start + count], start + count
    for name in values:
        if values[name].shape != tuple(wanted[name].shape):
            raise SystemExit(f"{name} is {values[name].shape}, expected {tuple(wanted[name].shape)}")
    # The head is the embedding's.
    left = set(wanted) - set(values) - {"lm_head.weight"}
    if any(not name.endswith((".masked_bias", ".attn.bias", "inv_freq")) for name in left):
        raise SystemExit(f"CTranslate2's file lacks {sorted(left)}")
    network.load_state_dict({name: torch.from_numpy(np.array(value, np.float32)) for name, value in values.items()}, strict=False)
    return with_rounded_inputs(network, 127, with_head=True)


def distance(found: Iterable[np.ndarray], expected: Iterable[np.ndarray]) -> dict[str, float]:
    """Of logits `[T, V]` of two runs: KL of the second's probabilities to the first's, nats a token, and the largest difference of
    a log-probability over the largest one."""
    divergences, difference, largest = [], 0.0, 0.0
    for logits, wanted in rows(zip(found, expected)):
        p, q = log_softmax(wanted), log_softmax(logits)
        divergences.append((p.exp() * (p - q)).sum(-1).numpy())
        difference, largest = max(difference, float((p - q).abs().max())), max(largest, float(p.abs().max()))
    return {"kl_between": float(np.concatenate(divergences).mean()), "largest_difference": difference / largest}


def measure(suite: Suite, programs: list[str]) -> None:
    """Writes a model for programs, plain and with outliers moved, and has it run by Ingot and by them."""
    for program in programs:
        if suite.model.is_bert and program != "transformers":
            continue
        for is_calibrated in (False, True):
            path = suite.folder / ("written.gguf" if program == "llama.cpp" else f"written-{program}")
            try:
                suite.call("quantize", suite.options.model, path, "--force", *WRITTEN[program],
                           *suite.calibrate * is_calibrated)
            except subprocess.CalledProcessError as error:
                measurement.note(f"without {program}: {error.stderr.splitlines()[0]}")
                break
            run_all(suite, program, path, is_calibrated)


def run_all(suite: Suite, program: str, path: pathlib.Path, is_calibrated: bool) -> None:
    """Rows of what was made for a program."""
    method = f"ingot, w8a8{', calibrated, outliers moved' * is_calibrated}"
    if program == "llama.cpp":
        run_blocks(suite, path, f"ingot's q8_0{', calibrated' * is_calibrated}, in llama.cpp")
        return
    facts = {"ours": True, "calibrated": is_calibrated}
    if program == "transformers":
        suite.add("w8a8", method, suite.run_w8a8(path), **facts)
    if suite.model.is_bert:
        return
    run, name = RUN[program](suite.model, path), method.replace("ingot,", "ingot's") + f", in {NAMES[program]}"
    found = [run(ids) for ids in suite.model.windows]
    suite.add("w8a8", name, suite.model.measure_all(found), program=program, **facts)
    compare(suite, name, found, expected(suite, program, path))
    if program == "transformers":
        windows = suite.folder / "windows.npy"
        np.save(windows, suite.model.windows)
        compare(suite, method, list(suite.recorded(path, windows, "logits")), expected(suite, "ingot", path))


def compare(suite: Suite, method: str, found: list[np.ndarray], network: torch.nn.Module) -> None:
    """A row of how far a run is from the same by hand."""
    between = distance(found, map(suite.model.forward(network), suite.model.windows))
    suite.add("programs", method, {"kl": suite.model.measure_all(found)["kl"]} | between, tokens=suite.model.tokens)


def run_blocks(suite: Suite, path: pathlib.Path, method: str) -> None:
    """The same of llama.cpp's run of the first tokens, but for those after which its likeliest one ends the text."""
    ids = suite.model.windows[0][:POSITIONS]
    found = llama_cpp(path, ids, suite.model.expected[0].shape[-1])
    told = ~np.isnan(found).any(-1)
    hand = suite.model.forward(expected(suite, "llama.cpp", path))(ids)
    before = distance([found[told]], [suite.model.expected[0][: len(ids)][told]])["kl_between"]
    suite.add("programs", method, {"kl": before} | distance([found[told]], [hand[told]]), tokens=int(told.sum()))


def expected(suite: Suite, program: str, path: pathlib.Path) -> torch.nn.Module:
    """What a program is expected to compute."""
    if program == "ctranslate2":
        numbers = suite.folder / "numbers.npz"
        suite.call("convert", path / "model.bin", numbers, "--dtype", "f32", "--force")
        with np.load(numbers) as file:
            return by_hand(suite.model, dict(file))
    wide = suite.folder / "wide"
    suite.call("convert", path, f"{wide}/", "--dtype", "f32", "--for", "transformers", "--force")
    network = suite.model.load(wide)
    if program == "llama.cpp":
        return with_inputs_in_blocks(network)
    return with_rounded_inputs(network, 127.5 if program == "transformers" else 127, with_head=False)
