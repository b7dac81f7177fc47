# SPDX-License-Identifier: Apache-2.0
"""What every benchmark here shares: tools take turns, a result is a row, and rows are kept as JSON for report.py.

In each round every tool does the same work once, one after the other, so that drift of the machine hits all alike. The
first turn of each warms up and isn't counted. A larger figure is better where the unit ends in "/s", a smaller one else.
"""
from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Hashable

# The tool of rows that say what the machine can do at the most.
MACHINE = "machine"
LIBRARIES = ("numpy", "safetensors", "torch", "transformers", "gguf", "mlx", "openvino", "onnxruntime", "ctranslate2",
             "llama-cpp-python", "datasketch", "tokenizers", "tiktoken", "torchao", "optimum-quanto", "bitsandbytes",
             "compressed-tensors", "xllamacpp")
# After so many seconds something hangs.
PATIENCE = 900


@dataclasses.dataclass
class Row:
    """What one tool came to in one workload; `x` places it where a group shows growth."""
    group: str
    workload: str
    tool: str
    unit: str
    runs: list[float]
    # Peak resident bytes, mapped pages of files included.
    memory: int | None = None
    # What a check of its answer said.
    answer: str | None = None
    x: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def is_ours(self) -> bool:
        """Whether ingot did it, in its usual way or, as `ingot, HOW`, in another."""
        return self.tool == "ingot" or self.tool.startswith("ingot,")

    @property
    def is_rate(self) -> bool:
        """Whether more is better."""
        return self.unit.endswith("/s")

    @property
    def spread(self) -> float:
        """From the best to the worst run, over the median."""
        return (max(self.runs) - min(self.runs)) / self.median if self.median else 0

    def line(self, ours: Row | None) -> str:
        """The row as a line of a table; with how many times as good ingot is, where `ours` is its row."""
        memory = f"{self.memory / 1e6:,.0f} MB" if self.memory else ""
        beside = "" if ours is None or ours is self else f"ingot is {ours.times_as_good_as(self):.2f} ×"
        return (f"  {self.tool:26} {quantity(self.median, self.unit):>13}  {self.spread:5.0%} {memory:>9}  {beside:17} "
                f"{self.answer or ''}").rstrip()

    def times_as_good_as(self, other: Row) -> float:
        """How many times as fast, or as small."""
        pair = (self.median, other.median) if self.is_rate else (other.median, self.median)
        return pair[0] / pair[1] if pair[1] else float("nan")


def quantity(value: float, unit: str) -> str:
    """A figure in three digits, with a fitting prefix for times and counts."""
    if unit == "s" and value < 1:
        value, unit = value * 1e3, "ms"
    text = f"{value:,.0f}" if value >= 1000 else f"{value:#.3g}".rstrip(".") if value >= 0.01 else f"{value:.1e}"
    return f"{text} {unit}".strip()


def take_turns(tools: dict[Hashable, Callable[[], float | None]], rounds: int) -> dict[Hashable, list[float]]:
    """Figures of the tools, by name. One that gives `None`, or fails for any reason, is left out from then on."""
    runs: dict[Hashable, list[float]] = {name: [] for name in tools}
    for turn in range(rounds + 1):
        for name in list(runs):
            figure = tools[name]()
            if figure is None:
                del runs[name]
            elif turn > 0:
                runs[name].append(figure)
    return runs


def run(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, int]:
    """Runs a command: its seconds, start and end included, and its peak memory in bytes.

    A child's peak begins with that of the process that starts it: scripts that call this import nothing large.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                                   env=os.environ | (environment or {}))
        patience = threading.Timer(PATIENCE, process.kill)
        patience.start()
        # The process's own peak, which subprocess doesn't tell.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        patience.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            raise RuntimeError(f"{' '.join(command)[:200]}: ended with {process.returncode}\n{errors.read()[-2000:]}")
    return seconds, usage.ru_maxrss * 1024


class Worker:
    """A process that does work on request: it reads lines, and answers each with one number."""

    def __init__(self, command: list[str], threads: int | None = None):
        environment = os.environ | {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
        if threads:
            environment["OMP_NUM_THREADS"] = str(threads)
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                        stderr=self.errors, env=environment)
        self.greeting = self.read()

    def read(self) -> str:
        """The next line; empty when the worker is gone, or was ended because it said nothing for too long."""
        patience = threading.Timer(PATIENCE, self.process.kill)
        patience.start()
        line = self.process.stdout.readline().strip()
        patience.cancel()
        return line

    def ask(self, line: str) -> float | None:
        """The answer; `None` when the worker does not do that, or is gone."""
        try:
            self.process.stdin.write(line + "\n")
            return float(self.read())
        except (ValueError, BrokenPipeError):
            return None

    def complaint(self) -> str:
        """The last of what it wrote to standard error."""
        self.errors.seek(0)
        return (self.errors.read().strip().splitlines() or [""])[-1]

    def peak(self) -> int | None:
        """The largest memory it has had resident so far, in bytes."""
        try:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return None
        return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), None)

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def note(text: str) -> None:
    """Tells the one who waits."""
    print(text, file=sys.stderr, flush=True)


def show(rows: list[Row]) -> None:
    """Prints rows: of each tool its median, its spread, its memory, and what ingot is beside it."""
    workloads: dict[str, list[Row]] = {}
    for row in rows:
        workloads.setdefault(f"{row.group}: {row.workload}", []).append(row)
    for name, mine in workloads.items():
        ours = next((row for row in mine if row.tool == "ingot"), None)
        print("\n".join([name, *(row.line(ours) for row in mine)]), flush=True)


def machine() -> str:
    """The processor, how many of it may be used, memory, and the system."""
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                      if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (f"{processor}, {processors()} processors, {memory / 2**30:.0f} GiB of memory, "
            f"{platform.system()} {platform.release()}")


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def versions() -> dict[str, str]:
    """The libraries of this Python that a script may have used."""
    found = {"Python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def available_memory() -> int:
    """Bytes that programs can have."""
    text = pathlib.Path("/proc/meminfo").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("MemAvailable"))


def room(folder: pathlib.Path) -> int:
    """Bytes that files in a folder may take: in memory, no more than memory has."""
    free = shutil.disk_usage(folder).free
    return min(free, available_memory()) if is_memory(folder) else free


def is_memory(folder: pathlib.Path) -> bool:
    """Whether a folder is in memory."""
    mounts = [line.split()[1:3] for line in open("/proc/mounts", encoding="utf-8")]
    path = str(folder.resolve())
    inside = [(point, kind) for point, kind in mounts if path == point or path.startswith(point.rstrip("/") + "/")]
    return max(inside, key=lambda entry: len(entry[0]), default=("", ""))[1] == "tmpfs"


def workspace() -> tempfile.TemporaryDirectory:
    """A temporary folder where TMPDIR says, else in memory where there is room, so that programs are measured, not disks."""
    shared = pathlib.Path("/dev/shm")
    in_memory = "TMPDIR" not in os.environ and shared.is_dir() and room(shared) > 4 << 30
    return tempfile.TemporaryDirectory(prefix="ingot-bench-", dir=shared if in_memory else None)


def arguments(description: str) -> argparse.ArgumentParser:
    """The options that all scripts have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the folder with the built programs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=processors())
    parser.add_argument("--peers", nargs="?", const="all", default="", metavar="NAME,…",
                        help="time these too; without names, all that this Python has")
    parser.add_argument("--only", default="", help="do the workloads whose name holds this")
    parser.add_argument("--json", type=pathlib.Path, help="where the rows are kept for report.py")
    return parser


def wants(options: argparse.Namespace, peer: str) -> bool:
    """Whether `--peers` asks for a peer."""
    names = options.peers.split(",")
    return "all" in names or peer in names


def save(rows: list[Row], options: argparse.Namespace) -> None:
    """Writes the rows where `--json` says."""
    if options.json is None:
        return
    document = {"machine": machine(), "versions": versions(), "rounds": options.rounds,
                "results": [{name: value for name, value in dataclasses.asdict(row).items() if value is not None}
                            | {"median": row.median, "best": (max if row.is_rate else min)(row.runs),
                               "worst": (min if row.is_rate else max)(row.runs)} for row in rows]}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: pathlib.Path) -> tuple[dict, list[Row]]:
    """A document that `save` wrote, and its rows."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return document, rows_of(document)


def rows_of(document: dict) -> list[Row]:
    """A document's rows."""
    names = {field.name for field in dataclasses.fields(Row)}
    return [Row(**{name: value for name, value in entry.items() if name in names}) for entry in document["results"]]
