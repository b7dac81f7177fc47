# SPDX-License-Identifier: Apache-2.0
"""How time and memory grow: converting files of 10 MB and more, and prompts of 1 to 1,024 tokens.

usage: python3 Benchmarks/growth.py --build .build/release [--peers numpy,openvino,…] [--largest 4] [--rounds 3] [--json FILE]
Files grow, by steps of about three, up to `--largest` GB (decimal) or what the folder has room for: in memory, or where
TMPDIR says. Each size takes two files, and a peer four times its size of memory, without which it is left out.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil

import command_peers
import engines
import measurement
from measurement import Row
from models import Models

SIZES = [10_000_000, 30_000_000, 100_000_000, 300_000_000, 1_000_000_000, 2_000_000_000, 4_000_000_000, 10_000_000_000,
         20_000_000_000]
TOKENS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
CONVERTING, PREFILLING = "growth of converting", "growth of prefill"
# Rows of 4,096 values; a tensor has at most so many bytes.
ROW, TENSOR = 16_384, 64 << 20


def write_checkpoint(path: pathlib.Path, size: int) -> None:
    """Writes a safetensors file of about so many bytes of F32, in tensors of 64 MiB."""
    header, place = {}, 0
    while place < size // ROW * ROW:
        end = min(place + TENSOR, size // ROW * ROW)
        header[f"t{len(header):05}"] = {"dtype": "F32", "shape": [(end - place) // ROW, ROW // 4],
                                        "data_offsets": [place, end]}
        place = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    # Any bytes will do where they are copied; these are numbers, and no two rows in a row are equal.
    block = bytes(value & 0x3F for value in os.urandom(1 << 20))
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for start in range(0, place, len(block)):
            file.write(block[: place - start])


def converting(options: argparse.Namespace, folder: pathlib.Path) -> list[Row]:
    """safetensors → npz, whose checksums are due, beside `cp` and numpy."""
    source, out = folder / "source.safetensors", folder / "out"
    rows: list[Row] = []
    for size in SIZES:
        if size > options.largest * 1e9 or measurement.room(folder) < 2.2 * size:
            break
        write_checkpoint(source, size)
        memory: dict[str, int] = {}

        def turn(tool: str, command: list[str]) -> float:
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            seconds, peak = measurement.run(command)
            memory[tool] = max(peak, memory.get(tool, 0))
            return seconds

        commands = {"ingot": [str(options.build / "ingot"), "convert", str(source), str(out / "out.npz"), "--quiet"],
                    "cp": ["cp", str(source), str(out / "out")]}
        if not measurement.is_memory(folder):
            commands["cp"] = ["sh", "-c", 'cp "$0" "$1" && sync "$1"', *commands["cp"][1:]]
        if measurement.available_memory() > 5 * size:
            commands |= {peer.tool: peer.command(str(source), str(out / "out"))
                         for peer in command_peers.of("safetensors → npz") if measurement.wants(options, peer.tool)}
        runs = measurement.take_turns({tool: (lambda tool=tool, command=command: turn(tool, command))
                                       for tool, command in commands.items()}, options.rounds)
        place = None if measurement.is_memory(folder) else "on a disk, flushed"
        made = [Row(CONVERTING, f"{size / 1e6:,.0f} MB", tool, "s", times, memory[tool], place, x=size / 1e6)
                for tool, times in runs.items()]
        measurement.show(made)
        rows += made
        shutil.rmtree(out)
    source.unlink(missing_ok=True)
    return rows


def prefilling(options: argparse.Namespace, folder: pathlib.Path) -> list[Row]:
    """Prompts of an fp32 GPT-2, logits of all tokens; each process's peak memory so far, as they get longer."""
    models = Models(options.build / "ingot", folder, "gpt2")
    tools = engines.start(options, models, "f32")
    rows: list[Row] = []
    for count in TOKENS:
        # Its process keeps the outputs of every length that it was asked for, so each length gets a new one.
        tools["ingot"].end()
        tools["ingot"] = engines.ours(options.build, models.path("gpt2/"), "auto", options.threads)
        # Weights are packed when they are used again; with the turn that is not counted, that is behind it.
        tools["ingot"].prefill(count, "all")
        runs = measurement.take_turns({tool: (lambda engine=engine: engine.prefill(count, "all"))
                                       for tool, engine in tools.items()}, options.rounds)
        made = [Row(PREFILLING, f"{count:,} token{'s' * (count > 1)}", tool, "s", times, tools[tool].peak(), x=count)
                for tool, times in runs.items()]
        measurement.show(made)
        rows += made
    for engine in tools.values():
        engine.end()
    return rows


def main() -> None:
    parser = measurement.arguments(__doc__)
    parser.add_argument("--largest", type=float, default=4, help="the largest file, in GB")
    options = parser.parse_args()
    rows: list[Row] = []
    for name, grow in ((CONVERTING, converting), (PREFILLING, prefilling)):
        if options.only in name:
            with measurement.workspace() as folder:
                rows += grow(options, pathlib.Path(folder))
    measurement.save(rows, options)


if __name__ == "__main__":
    main()
