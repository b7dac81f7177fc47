# SPDX-License-Identifier: Apache-2.0
"""Times whole commands beside the tools a user would take instead, turn by turn.

usage: python3 Benchmarks/commands.py --build .build/release [--peers] [--shape gpt2] [--rounds 5] [--only WORD] [--json FILE]
The input is an untrained model of GPT-2's shapes. `--peers` adds the libraries among numpy, safetensors, mlx, torch, gguf
and llama-cpp-python that this Python has. Every run writes a new file in a temporary folder: in memory, or where TMPDIR
says; on a disk, which ingot always flushes, the bar is `cp` with `sync`. What comes of it is checked: every tool's file
must hold the same tensors, and what a tool prints must be what the file holds.
"""
from __future__ import annotations

import dataclasses
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys

import command_peers
import measurement
from limits import Limits
from measurement import MACHINE, Row
from models import PRESETS, Models

LOOKING, CONVERSIONS, CASTS = "looking", "conversions", "casts"
DIALECTS, READING, QUANTIZING = "dialects", "reading everything", "quantizing"


@dataclasses.dataclass
class Workload:
    """Something to do with a source; `words` are ingot's, in which IN and OUT stand for files."""
    group: str
    name: str
    source: str
    words: list[str]
    # The output's name behind `out`; none where nothing is written.
    ending: str | None = None
    # Whether all outputs must hold the same tensors, and whether those of the source.
    is_same: bool = True
    is_bit_exact: bool = False


def convert(group: str, name: str, source: str, ending: str, *options: str) -> Workload:
    """A conversion; without options it keeps every bit."""
    return Workload(group, name, source, ["convert", "IN", "OUT", *options, "--quiet"], ending,
                    is_bit_exact=group == CONVERSIONS)


def workloads(ingot: str) -> list[Workload]:
    """All of them, in the report's order."""
    made = [
        Workload(LOOKING, "start", "gpt2/", ["--version"]),
        Workload(LOOKING, "list tensors", "gpt2/", ["inspect", "IN", "--all"]),
        convert(CONVERSIONS, "safetensors → npz", "gpt2/", ".npz"),
        convert(CONVERSIONS, "safetensors → ingot", "gpt2/", ".ingot"),
        convert(CONVERSIONS, "safetensors → safetensors", "gpt2/", ".safetensors"),
        convert(CONVERSIONS, "npz → safetensors", "model.npz", ".safetensors"),
        convert(CONVERSIONS, "npz → ingot", "model.npz", ".ingot"),
        convert(CONVERSIONS, "ingot → npz", "model.ingot", ".npz"),
        convert(CONVERSIONS, "ingot → safetensors", "model.ingot", ".safetensors"),
        convert(CONVERSIONS, "PyTorch → safetensors", "model.pt", ".safetensors"),
        convert(CONVERSIONS, "safetensors → GGUF F32", "gpt2/", ".gguf", "--dialect", "keep"),
        convert(CASTS, "cast to BF16", "gpt2/", ".safetensors", "--dtype", "bf16"),
        convert(CASTS, "cast to F16", "gpt2/", ".safetensors", "--dtype", "f16"),
        convert(CASTS, "safetensors → GGUF F16", "gpt2/", ".gguf", "--dialect", "keep", "--dtype", "f16"),
        convert(DIALECTS, "HF → llm.c", "gpt2/", ".bin", "--for", "llm.c"),
        convert(DIALECTS, "OpenAI → HF", "openai.npz", ".safetensors", "--dialect", "hf", "--config", "CONFIG"),
        convert(DIALECTS, "HF → llama.cpp's GGUF", "gpt2/", ".gguf", "--for", "llama.cpp"),
        Workload(READING, "statistics of every tensor", "gpt2/", ["inspect", "IN", "--stats"]),
        Workload(READING, "SHA-256 of every tensor", "gpt2/", ["hash", "IN"]),
        Workload(QUANTIZING, "int8 per channel", "gpt2/",
                 ["quantize", "IN", "OUT", "--quiet", "--config", "CONFIG"], ".safetensors", is_same=False),
    ]
    helped = subprocess.run([ingot, "quantize", "--help"], capture_output=True, text=True, check=True).stdout
    if "q8_0" in helped:
        made.append(Workload(QUANTIZING, "Q8_0 in GGUF", "gpt2/",
                             ["quantize", "IN", "OUT", "--quiet", "--config", "CONFIG", "--scheme", "q8_0"], ".gguf"))
    return made


class Commands:
    """The tools' commands, and the folder they work in."""

    def __init__(self, options, folder: pathlib.Path):
        self.options, self.folder, self.out = options, folder, folder / "out"
        self.ingot = str((options.build / "ingot").resolve())
        self.models = Models(options.build / "ingot", folder, options.shape)
        self.limits = Limits(options.build)
        self.is_memory = measurement.is_memory(folder)

    def rows(self, workload: Workload) -> list[Row]:
        """What all tools come to in a workload."""
        # Every form of the model has about this size.
        size = self.models.weights("gpt2/").stat().st_size
        files = (workload.ending is not None) + (not (self.folder / workload.source).exists())
        if measurement.room(self.folder) < files * size * 5 // 4:
            measurement.note(f"{workload.name}: no room for {files} files of {size / 1e9:.1f} GB")
            return []
        source = self.models.weights(workload.source)
        memory: dict[str, int] = {}
        digests: dict[str, str] = {}

        def turn(tool: str, command: list[str]) -> float | None:
            try:
                seconds, peak = self.run(command)
            except RuntimeError as failure:
                if tool == "ingot":
                    raise
                measurement.note(f"{workload.name}: without {tool}: {failure}")
                return None
            if workload.ending and workload.is_same and tool not in memory and not tool.startswith("cp"):
                digests[tool] = self.digest(next(self.out.iterdir()))
            memory[tool] = max(peak, memory.get(tool, 0))
            return seconds

        commands = self.commands(workload, source)
        tools = {tool: (lambda tool=tool, command=command: turn(tool, command)) for tool, command in commands.items()}
        if workload.group == READING:
            tools[MACHINE] = lambda: self.seconds_to_read(size)
        runs = measurement.take_turns(tools, self.options.rounds)
        expected = self.digest(source) if workload.is_bit_exact else digests.get("ingot")
        answers = {tool: "same tensors" if digest == expected else "other tensors" for tool, digest in digests.items()}
        answers |= self.readings(workload, source, commands)
        return [Row(self.group(workload), workload.name, tool, "s", times, memory.get(tool), answers.get(tool))
                for tool, times in runs.items()]

    def commands(self, workload: Workload, source: pathlib.Path) -> dict[str, list[str]]:
        """Every tool's command."""
        target = str(self.out / "out")
        place = {"IN": str(source), "OUT": target + (workload.ending or ""),
                 "CONFIG": str(self.models.path("gpt2/") / "config.json")}
        found = {"ingot": [self.ingot, *(place.get(word, word) for word in workload.words)]}
        if workload.name == "list tensors":
            found["ingot --version"] = [self.ingot, "--version"]
        if workload.ending:
            bar = ["cp", str(source), target]
            found["cp"] = bar if self.is_memory else ["sh", "-c", 'cp "$0" "$1" && sync "$1"', *bar[1:]]
        if workload.name.startswith("SHA-256"):
            found["sha256sum"] = ["sha256sum", str(source)]
        if self.options.peers:
            found |= self.peers(workload, source, target)
        return found

    def peers(self, workload: Workload, source: pathlib.Path, target: str) -> dict[str, list[str]]:
        """The libraries' commands, where memory has room for their copies."""
        if measurement.available_memory() < 4 * source.stat().st_size:
            measurement.note(f"{workload.name}: without peers, which keep the whole model in memory")
            return {}
        found = {peer.tool: peer.command(str(source), target) for peer in command_peers.of(workload.name)
                 if measurement.wants(self.options, peer.tool)}
        is_quantizing = workload.group == QUANTIZING and measurement.wants(self.options, "llama.cpp")
        if is_quantizing and (llama := command_peers.llama(self.folder)):
            found["llama-quantize Q8_0"] = [str(llama), "quantize", str(self.models.path("model.gguf")), target + ".gguf",
                                            str(self.options.threads)]
        return found

    def run(self, command: list[str]) -> tuple[float, int]:
        """Runs a command with a clean folder for its output."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        return measurement.run(command)

    def digest(self, path: pathlib.Path) -> str:
        """ingot's digest of a checkpoint, which does not depend on its format."""
        done = subprocess.run([self.ingot, "hash", path], capture_output=True, text=True, check=False)
        return (done.stdout.split() or [done.stderr])[0]

    def readings(self, workload: Workload, source: pathlib.Path, commands: dict[str, list[str]]) -> dict[str, str]:
        """What the answers of tools that only read come to; none without numpy."""
        if workload.ending or workload.name == "start" or not importlib.util.find_spec("numpy"):
            return {}
        peers = {peer.tool: commands[peer.tool] for peer in command_peers.of(workload.name) if peer.tool in commands}
        program = pathlib.Path(__file__).with_name("readings.py")
        done = subprocess.run([sys.executable, program, workload.name, self.ingot, source, json.dumps(peers)],
                              stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)

    def seconds_to_read(self, size: int) -> float | None:
        """The time to read so many bytes of memory."""
        rate = self.limits.rate("read", self.options.threads)
        return rate and size / rate

    def group(self, workload: Workload) -> str:
        """The group's name, with the shape where it isn't the usual one."""
        return workload.group if self.options.shape == "gpt2" else f"{workload.group}, {self.options.shape}"


def main() -> None:
    parser = measurement.arguments(__doc__)
    parser.add_argument("--shape", choices=PRESETS, default="gpt2")
    options = parser.parse_args()
    rows: list[Row] = []
    with measurement.workspace() as name:
        commands = Commands(options, pathlib.Path(name))
        print(f"{options.shape}, {options.rounds} rounds, medians, output in {'memory' if commands.is_memory else name} · "
              f"{measurement.machine()}")
        failures = 0
        for workload in workloads(commands.ingot):
            if options.only not in f"{workload.group}: {workload.name}":
                continue
            try:
                made = commands.rows(workload)
                measurement.show(made)
                rows += made
            except (RuntimeError, subprocess.CalledProcessError) as failure:
                measurement.note(f"{workload.name}: {failure}")
                failures += 1
            if workload.source != "gpt2/":
                commands.models.forget(workload.source)
        commands.limits.end()
    measurement.save(rows, options)
    if failures:
        raise SystemExit(f"{failures} workloads failed")


if __name__ == "__main__":
    main()
