# SPDX-License-Identifier: Apache-2.0
"""Times `ingot corpus` beside datasketch on the same documents, and how its memory grows.

usage: python3 Benchmarks/corpus.py --build .build/release [--peers] [--documents 20000] [--growth 1000000] [--rounds 3] [--json FILE]
The documents are random words, a quarter of which repeat others; both must find the same duplicates, with the same shares.
"""
from __future__ import annotations

import importlib.util
import json
import pathlib
import subprocess
import sys

import measurement
from measurement import Row

HERE = pathlib.Path(__file__).parent
GROUP, GROWTH = "corpora", "growth of a corpus"
ANYTHING = ["--min-words", "0", "--min-letters", "0", "--max-repeated", "1", "--max-markup", "1"]
HASHES = {"sha1": "SHA-1", "xxh3": "XXH3"}


def make(folder: pathlib.Path, count: int, words: int) -> pathlib.Path:
    """Writes documents."""
    path = folder / f"{count}.jsonl"
    subprocess.run([sys.executable, HERE / "corpus_documents.py", str(count), path, "--words", str(words)], check=True)
    return path


def counts(command: list[str]) -> list[int]:
    """How many documents a command keeps and finds to be duplicates."""
    done = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    done = done.get("decisions", done)
    return [done[name] for name in ("kept", "exact_duplicate", "near_duplicate")]


def beside_datasketch(options, folder: pathlib.Path, ingot: str) -> list[Row]:
    """Both tools by either hash."""
    path = str(make(folder, options.documents, 200))
    rows: list[Row] = []
    for hash_, name in HASHES.items():
        ours = [ingot, "corpus", path, "--hash", hash_, "--json", *ANYTHING]
        commands = {"ingot": ours, "ingot, one thread": [*ours, "--jobs", "1"]}
        if options.peers and importlib.util.find_spec("datasketch"):
            commands["datasketch"] = [sys.executable, str(HERE / "corpus_peer.py"), path, "--hash", hash_, "--quiet"]
        memory: dict[str, int] = {}

        def turn(tool: str) -> float:
            seconds, peak = measurement.run(commands[tool])
            memory[tool] = max(peak, memory.get(tool, 0))
            return seconds

        runs = measurement.take_turns({tool: lambda tool=tool: turn(tool) for tool in commands}, options.rounds)
        expected = counts(ours)
        rows += [Row(GROUP, f"{options.documents:,} documents, {name}", tool, "s", times, memory[tool],
                     "same duplicates" if counts(commands[tool]) == expected else "other duplicates")
                 for tool, times in runs.items()]
    return rows


def growth(options, folder: pathlib.Path, ingot: str) -> list[Row]:
    """Memory and time of more and more documents."""
    start = measurement.run([ingot, "--version"])[1]
    rows: list[Row] = []
    count = min(options.growth, 10_000)
    while count <= options.growth:
        path = make(folder, count, 40)
        command = [ingot, "corpus", str(path), "--json", "--scratch", str(folder), *ANYTHING]
        seconds, peak = measurement.run(command)
        kept = counts(command)[0]
        rows.append(Row(GROWTH, f"{count:,} documents", "ingot", "s", [seconds], peak - start,
                        f"{(peak - start) / kept:,.0f} bytes a kept document", count))
        path.unlink()
        count *= 10
    return rows


def main() -> None:
    parser = measurement.arguments(__doc__)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--growth", type=int, default=1_000_000)
    options = parser.parse_args()
    ingot = str((options.build / "ingot").resolve())
    with measurement.workspace() as name:
        folder = pathlib.Path(name)
        rows = beside_datasketch(options, folder, ingot) + growth(options, folder, ingot)
    measurement.show(rows)
    measurement.save(rows, options)


if __name__ == "__main__":
    main()
