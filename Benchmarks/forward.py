# SPDX-License-Identifier: Apache-2.0
"""Times forward passes of an untrained GPT-2 beside the tools a user would take instead, turn by turn.

usage: python3 Benchmarks/forward.py --build .build/release [--peers torch,openvino,…] [--rounds 5] [--shape gpt2]
       [--kinds f32,bf16,int8] [--only 'prefill fp32: 128'] [--threads N] [--json FILE]
Prefill and decode of loaded models; what of the memory's bandwidth decoding uses; tokens evaluated, beside prefill of a
window; a command from its start to the first logits; and the peak memory of a forward pass. Each peer runs in a process
of its own and waits while others run. With torch among the peers, everyone's logits are compared with its float64 ones.
"""
from __future__ import annotations

import argparse
import json
import pathlib

import answers
import command_peers
import engines
import measurement
from engines import Engine
from limits import Limits
from measurement import MACHINE, Row
from models import PRESETS, Models

PREFILLS = [(16, "all"), (128, "all"), (128, "last"), (512, "all"), (512, "last"), (1024, "all"), (1024, "last")]
DECODE = (64, 64)
CHECKED = 64
# Windows of the context that are evaluated: so many that starting and loading count as little as they do with a text.
EVALUATED = 4
PREFILL = "prefill of a window"
NAMES = {"f32": "fp32", "bf16": "bf16", "int8": "int8"}
# KernelBenchmark's word for the arithmetic.
UNITS = {"f32": "fma", "bf16": "bf16", "int8": "i8"}
# What a forward pass may take besides its weights and the logits asked for.
ALLOWED = "weights + logits + 64 MiB"


class Forward:
    """Everything that is timed with one shape."""

    def __init__(self, options: argparse.Namespace, folder: pathlib.Path):
        self.options, self.folder = options, folder
        self.models = Models(options.build / "ingot", folder, options.shape)
        self.limits = Limits(options.build)
        self.config = json.loads((self.models.path("gpt2/") / "config.json").read_text(encoding="utf-8"))
        self.ids = [(i * 7919 + 13) % self.config["vocab_size"] for i in range(1024)]
        self.rows: list[Row] = []
        self.expected = self.reference()

    def reference(self):
        """Logits in float64, by torch where it is among the peers."""
        engine = measurement.wants(self.options, "torch") and engines.peer(
            "torch", "f64", self.models.path("gpt2/"), self.options.threads)
        if not engine:
            return None
        found = answers.logits(engine, [self.ids[:CHECKED]], self.folder, float)
        engine.end()
        return found

    def add(self, rows: list[Row]) -> None:
        """Prints and keeps rows."""
        measurement.show(rows)
        self.rows += rows

    def is_asked(self, group: str, workload: str) -> bool:
        return self.options.only in f"{group}: {workload}"

    # Loaded models

    def loaded(self, kind: str) -> None:
        """Prefill and decode."""
        tools = engines.start(self.options, self.models, kind)
        checks = {tool: self.check(kind, engine) for tool, engine in tools.items()}
        for count, rows in PREFILLS:
            self.prefill(kind, tools, count, rows, checks)
        self.decode(kind, tools)
        for engine in tools.values():
            engine.end()

    def check(self, kind: str, engine: Engine) -> str | None:
        """How far an engine's logits are from the reference."""
        found = self.expected is not None and answers.logits(engine, [self.ids[:CHECKED]], self.folder)
        if found is None or found is False:
            return None
        if kind == "f32":
            return f"largest error {answers.largest_error(found, self.expected):.1e}"
        return f"KL {answers.mean_divergence(found, self.expected):.1e}"

    def prefill(self, kind: str, tools: dict[str, Engine], count: int, rows: str, checks: dict[str, str | None]) -> None:
        """Tokens a second of one prompt."""
        group, workload = f"prefill {NAMES[kind]}", f"{count:,} tokens, {rows} logits"
        if not self.is_asked(group, workload):
            return
        works = {tool: (lambda engine=engine: over(count, engine.prefill(count, rows))) for tool, engine in tools.items()}
        works[MACHINE] = lambda: self.tokens_at_most(kind, count, rows)
        self.add([Row(group, workload, tool, "tok/s", runs, answer=checks.get(tool))
                  for tool, runs in measurement.take_turns(works, self.options.rounds).items()])

    def tokens_at_most(self, kind: str, count: int, rows: str) -> float | None:
        """What the processor's multiply-adds are enough for."""
        width, blocks, vocabulary = (self.config[key] for key in ("n_embd", "n_layer", "vocab_size"))
        head = width * vocabulary / (1 if rows == "all" else count)
        attention = width * (count + 1) * blocks
        rate = self.limits.rate(UNITS[kind], self.options.threads)
        return rate and rate / (2 * (12 * width**2 * blocks + head + attention))

    def decode(self, kind: str, tools: dict[str, Engine]) -> None:
        """Tokens a second one by one, and the bytes of weights that this reads."""
        if not self.is_asked("decode", NAMES[kind]):
            return
        size = self.bytes_a_token(kind)
        works = {tool: (lambda engine=engine: over(DECODE[1], engine.decode(*DECODE))) for tool, engine in tools.items()}
        works[MACHINE] = lambda: over(1 / size, over(1, self.limits.rate("read", self.options.threads)))
        runs = measurement.take_turns(works, self.options.rounds)
        self.add([Row("decode", NAMES[kind], tool, "tok/s", rates) for tool, rates in runs.items()])
        self.add([Row("decode bandwidth", NAMES[kind], tool, "GB/s", [rate * size / 1e9 for rate in rates])
                  for tool, rates in runs.items() if tool.startswith("ingot") or tool == MACHINE])

    def bytes_a_token(self, kind: str) -> int:
        """All weights but the positions, of which one row is read."""
        name = {"f32": "gpt2/", "bf16": "gpt2-bf16/", "int8": "gpt2-int8/"}[kind]
        with open(self.models.weights(name), "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        header.pop("__metadata__", None)
        return sum(entry["data_offsets"][1] - entry["data_offsets"][0] for key, entry in header.items() if "wpe" not in key)

    # Whole commands

    def evaluate(self, kind: str) -> None:
        """Tokens a second of `ingot eval`, its start and loading included, beside prefill alone."""
        context = self.config["n_positions"]
        count = EVALUATED * context
        group, workload = "evaluating", f"{NAMES[kind]}, {count:,} tokens"
        if not self.is_asked(group, workload):
            return
        # Every token but the first is scored.
        tokens = ",".join(str(self.ids[index % len(self.ids)]) for index in range(count + 1))
        _, model, arithmetic = engines.OURS[kind][0]
        command = [str(self.options.build / "ingot"), "eval", str(self.models.path(model)), "--tokens", tokens,
                   "--precision", arithmetic]
        engine = engines.ours(self.options.build, self.models.path(model), arithmetic, self.options.threads)
        memory: list[int] = []

        def turn() -> float | None:
            seconds, peak = measurement.run(command)
            memory.append(peak)
            return over(count, seconds)

        runs = measurement.take_turns(
            {"ingot": turn, PREFILL: lambda: over(context, engine.prefill(context, "all"))}, self.options.rounds)
        engine.end()
        self.add([Row(group, workload, tool, "tok/s", rates, max(memory) if tool == "ingot" else None)
                  for tool, rates in runs.items()])

    def first_logits(self, kind: str) -> None:
        """From a command's start to the logits behind 16 tokens."""
        group, workload, count = "start to first logits", f"{NAMES[kind]}, 16 tokens", 16
        if not self.is_asked(group, workload):
            return
        memory: dict[str, int] = {}

        def turn(tool: str, command: list[str]) -> float | None:
            try:
                seconds, peak = measurement.run(command, {"OMP_NUM_THREADS": str(self.options.threads)})
            except RuntimeError as failure:
                if tool.startswith("ingot"):
                    raise
                if tool == "llama.cpp":
                    measurement.note(str(failure))
                return None
            memory[tool] = max(peak, memory.get(tool, 0))
            return seconds

        works = {tool: (lambda tool=tool, command=command: turn(tool, command))
                 for tool, command in self.commands(kind, count).items()}
        self.add([Row(group, workload, tool, "s", runs, memory[tool])
                  for tool, runs in measurement.take_turns(works, self.options.rounds).items()])

    def commands(self, kind: str, count: int) -> dict[str, list[str]]:
        """Every tool's command."""
        tokens = ",".join(map(str, self.ids[:count]))
        found = {tool: [str(self.options.build / "ingot"), "generate", str(self.models.path(model)), "--tokens", tokens,
                        "--max-tokens", "1", "--precision", arithmetic] for tool, model, arithmetic in engines.OURS[kind]}
        gpt2 = self.models.path("gpt2/")
        for name in engines.PEERS:
            if not measurement.wants(self.options, name):
                continue
            if name == "llama.cpp":
                # Made by the engine of that name, in `loaded`.
                gguf, program = gpt2 / f"peer-{kind}.gguf", command_peers.llama(self.folder)
                if program and gguf.exists():
                    found[name] = [str(program), "logits", str(gguf), str(count), str(self.options.threads)]
                name = "llama.cpp in Python"
            rows = "last" if name in ("torch", "llama.cpp in Python") else "all"
            found[name] = engines.peer_command(
                name.removesuffix(" in Python"), kind, gpt2, self.options.threads, f"prefill {count} {rows}")
        return found

    # Memory

    def memory(self, kind: str) -> None:
        """Peak memory of a process that loads the model and runs one prompt."""
        group, count = "peak memory of a forward pass", 1024
        for rows in ("all", "last"):
            workload = f"{NAMES[kind]}, {count:,} tokens, {rows} logits"
            if not self.is_asked(group, workload):
                continue
            found = []
            for tool, engine in self.one_by_one(kind):
                if engine.prefill(count, rows) is not None:
                    found.append(Row(group, workload, tool, "MB", [(engine.peak() or 0) / 1e6]))
            logits = 4 * self.config["vocab_size"] * (count if rows == "all" else 1)
            found.append(Row(group, workload, ALLOWED, "MB",
                             [(self.models.weights(engines.OURS[kind][0][1]).stat().st_size + logits + (64 << 20)) / 1e6]))
            self.add(found)

    def one_by_one(self, kind: str):
        """Every tool with the model, each ended before the next is started."""
        for tool, model, arithmetic in engines.OURS[kind]:
            engine = engines.ours(self.options.build, self.models.path(model), arithmetic, self.options.threads)
            yield tool, engine
            engine.end()
        for name in engines.PEERS:
            engine = measurement.wants(self.options, name) and engines.peer(
                name, kind, self.models.path("gpt2/"), self.options.threads)
            if engine:
                yield name, engine
                engine.end()


def over(amount: float, seconds: float | None) -> float | None:
    """A rate."""
    return amount / seconds if seconds else None


def main() -> None:
    parser = measurement.arguments(__doc__)
    parser.add_argument("--shape", choices=PRESETS, default="gpt2")
    parser.add_argument("--kinds", default=list(NAMES), type=lambda text: text.split(","))
    options = parser.parse_args()
    with measurement.workspace() as name:
        forward = Forward(options, pathlib.Path(name))
        print(f"{options.shape}, {options.rounds} rounds, medians, {options.threads} threads · {measurement.machine()}")
        try:
            for kind in options.kinds:
                forward.loaded(kind)
                forward.evaluate(kind)
                forward.first_logits(kind)
                forward.memory(kind)
            forward.limits.end()
        finally:
            measurement.save(forward.rows, options)


if __name__ == "__main__":
    main()
