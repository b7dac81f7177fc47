# SPDX-License-Identifier: Apache-2.0
"""Models loaded in processes, ingot's and the peers', that give forward passes on request."""
from __future__ import annotations

import argparse
import pathlib
import sys

import measurement
from measurement import Worker
from models import Models

PEERS = ("torch", "openvino", "onnxruntime", "ctranslate2", "llama.cpp")
# What ingot takes for each kind of arithmetic: a tool's name, the input, and RuntimeBenchmark's word. The first is the
# one that does what the peers of that kind do.
OURS = {
    "f32": [("ingot", "gpt2/", "auto")],
    "bf16": [("ingot", "gpt2-bf16/", "bf16"), ("ingot, fp32 activations", "gpt2-bf16/", "auto"),
             ("ingot, of fp32 weights", "gpt2/", "bf16")],
    "int8": [("ingot", "gpt2-int8/", "w8a8"), ("ingot, fp32 activations", "gpt2-int8/", "auto")],
}


class Engine:
    """A loaded model; its process does nothing between requests."""

    def __init__(self, command: list[str], threads: int, load: str | None = None):
        self.worker = Worker(command, threads)
        self.is_ours = load is not None
        self.is_ready = self.worker.ask(f"load model {load}") is not None if load else self.worker.greeting == "ready"
        self.peak = self.worker.peak
        self.end = self.worker.end

    def ask(self, verb: str, rest: str) -> float | None:
        """Seconds, or `None` for what a peer does not do; ingot's process knows models by name, and does everything."""
        seconds = self.worker.ask(f"{verb} model {rest}" if self.is_ours else f"{verb} {rest}")
        if seconds is None and self.is_ours:
            raise SystemExit(f"RuntimeBenchmark gave no answer to {verb} {rest[:40]}: {self.worker.complaint()}")
        return seconds

    def prefill(self, count: int, rows: str) -> float | None:
        """Seconds for the logits of all tokens or of the last."""
        return self.ask("prefill", f"{count} {rows}")

    def decode(self, prompt: int, count: int) -> float | None:
        """Seconds for so many single tokens behind a prompt."""
        return self.ask("decode", f"{prompt} {count}" + " f32" * self.is_ours)

    def logits(self, ids: list[int], path: pathlib.Path) -> float | None:
        """Writes the logits of every token to a file."""
        return self.ask("logits", f"{','.join(map(str, ids))} {path}")


def ours(build: pathlib.Path, path: pathlib.Path, arithmetic: str, threads: int) -> Engine:
    """ingot with a model."""
    engine = Engine([str(build / "RuntimeBenchmark")], threads, f"{path} {arithmetic}")
    if not engine.is_ready:
        raise SystemExit(f"RuntimeBenchmark does not load {path}")
    return engine


def peer_command(name: str, kind: str, folder: pathlib.Path, threads: int, *line: str) -> list[str]:
    """A peer's process, which answers to lines, or to one."""
    script = pathlib.Path(__file__).with_name("forward_peer.py")
    return [sys.executable, str(script), name, kind, str(folder), str(threads), *line]


def peer(name: str, kind: str, folder: pathlib.Path, threads: int) -> Engine | None:
    """A peer with the model of a folder; `None` where it isn't installed or does not have that arithmetic."""
    engine = Engine(peer_command(name, kind, folder, threads), threads)
    if engine.is_ready:
        return engine
    engine.worker.process.wait()
    if engine.worker.complaint() != "none":
        measurement.note(f"without {name} in {kind}: {engine.worker.complaint()}")
    engine.end()
    return None


def start(options: argparse.Namespace, models: Models, kind: str) -> dict[str, Engine]:
    """ingot's engines and the peers' that `--peers` asks for."""
    engines = {tool: ours(options.build, models.path(model), arithmetic, options.threads)
               for tool, model, arithmetic in OURS[kind]}
    for name in PEERS:
        if measurement.wants(options, name) and (found := peer(name, kind, models.path("gpt2/"), options.threads)):
            engines[name] = found
    return engines
