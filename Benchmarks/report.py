# SPDX-License-Identifier: Apache-2.0
"""Makes docs/benchmarks.md and its charts of the other scripts' results, and keeps the figures as a baseline.

usage: python3 Benchmarks/report.py [--into FOLDER] RESULTS.json…
Writes docs/benchmarks.md, docs/benchmarks/*.svg and Benchmarks/baseline.json under FOLDER, which is the repository's.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import re

import charts
import growth
import measurement
import targets
from measurement import MACHINE, Row, quantity

HEAD = """# Benchmarks

Written by `make bench-peers`: the same work in Ingot and in the tools a user would take instead, turn by turn, several
rounds. Figures are medians; *spread* is from the best run to the worst. Whole commands include the start of the program,
read files that are in the page cache, and write new files in memory, where no answer says otherwise: so programs are
compared and not disks. *ingot is* says how many times as fast, or as small, Ingot is. Rows of **machine** are what the
machine does at the most, measured between the tools' turns; `cp` copies the input. All tools have the same threads. Peak
memory counts the pages of files that are mapped. The figures are in [baseline.json](../Benchmarks/baseline.json) too.
"""
# What a group shows, where its name does not say it.
NOTES = {
    "looking": "`ingot --version`, and the names, dtypes and shapes of all tensors.",
    "conversions": "No bit of a tensor changes: the answers are digests of the tensors. An npz takes a CRC-32, an .ingot file "
                   "an XXH3 of every tensor. The bar is `cp` of the input.",
    "casts": "From F32, rounded once to the nearest. All tools' files must hold the same bits.",
    "dialects": "Names and layouts change too: llm.c's and llama.cpp's weights are transposed, OpenAI's names become Hugging "
                "Face's.",
    "reading everything": "Minimum, maximum, mean, deviation and what is not finite; and digests.",
    "quantizing": "The linear weights and the embedding to int8. llama-quantize's blocks of 32 have a scale each; quantizing "
                  "per channel stands beside it as work of the same kind.",
    "prefill int8": "**ingot** and onnxruntime quantize the activations of every token as well (W8A8); *ingot, fp32 "
                    "activations* does not. Answers are mean KL from the float64 logits of untrained weights.",
    "decode": "64 single tokens behind a prompt of 64; weights and key-value cache in memory.",
    "decode bandwidth": "Bytes of weights that each token needs, times tokens a second, beside reading memory.",
    "evaluating": "`ingot eval`, from its start to the loss of all tokens, beside the forward pass of a window in a loaded model: "
                  "what loading, softmax and sums cost.",
    "start to first logits": "A command from its start to the logits behind 16 tokens, weights in the page cache. llama.cpp is "
                             "a small C program; the others include Python's start.",
    "error of fp32": "A really trained model, `fixtures/kjv-gpt2`, against logits in float64.",
    "divergence": "The same model over held-out text, against float64; int8 tools differ in what they quantize.",
    "tokenizing": "One thread, the processor's time; GPT-2's vocabulary. Of Hugging Face's tokenizers both ways: with each "
                  "token's place in the text, and `encode_batch_fast` without.",
    growth.CONVERTING: "safetensors → npz, with its checksums. On a disk all is flushed, and the bar is `cp` with `sync`.",
    growth.PREFILLING: "fp32, logits of all tokens.",
}
AXES = {growth.CONVERTING: "MB of tensors", growth.PREFILLING: "tokens"}


def groups(rows: list[Row]) -> dict[str, dict[str, list[Row]]]:
    """Rows by group and workload in the order in which they came; ingot's first, limits last."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        found.setdefault(row.group, {}).setdefault(row.workload, []).append(row)
    for workloads in found.values():
        for mine in workloads.values():
            mine.sort(key=lambda row: (not row.is_ours, charts.is_limit(row.tool)))
    return found


def aims(found: dict[str, dict[str, list[Row]]]) -> list[str]:
    """What was aimed at, and what came of it."""
    lines: list[str] = []

    def add(what: str, beside: str, aim: str, reached: str, holds: bool) -> None:
        lines.append(f"| {what} | {beside} | {aim} | {reached} | {'met' if holds else '**missed**'} |")

    for target in targets.TARGETS:
        for group, workloads in found.items():
            rows = workloads.get(target.workload, [])
            verdict = targets.is_of(group, target.group) and target.judge(rows)
            if verdict:
                beside, reached, holds = verdict
                figure = f"{reached:.2f} ×" if target.beside else quantity(reached, rows[0].unit)
                add(f"{group}: {target.workload}", beside, target.aim(rows[0].is_rate), figure, holds)
    start = next((row for row in found.get("looking", {}).get("start", []) if row.tool == "ingot"), None)
    for group, workloads in found.items():
        verdict = start and targets.streaming_memory(group, [row for rows in workloads.values() for row in rows], start)
        if verdict:
            most, beyond, holds = verdict
            add(f"{group}: memory beyond `ingot --version`", "", f"at most {targets.STREAMING_MEMORY >> 20} MiB",
                f"{beyond / 2**20:.0f} MiB ({most})", holds)
    met = sum(line.endswith("| met |") for line in lines)
    return [f"{met} of {len(lines)} are met. Where more is better the ratio is to be large, else small.", "",
            "| | beside | aim | reached | |", "|---|---|---|---:|---|", *lines]


def table(workloads: dict[str, list[Row]]) -> list[str]:
    """A group's rows."""
    every = [row for rows in workloads.values() for row in rows]
    extra = {"peak memory": any(row.memory for row in every), "answer": any(row.answer for row in every)}
    names = ["workload", "tool", "median", "spread", *(name for name, there in extra.items() if there), "ingot is"]
    lines = [f"| {' | '.join(names)} |", "|---|---|" + "---:|" * (len(names) - 2)]
    for workload, rows in workloads.items():
        ours = next((row for row in rows if row.tool == "ingot"), None)
        for index, row in enumerate(rows):
            cells = ["" if index else workload, f"**{row.tool}**" if row is ours else row.tool,
                     quantity(row.median, row.unit), f"{row.spread:.0%}" if len(row.runs) > 1 else ""]
            if extra["peak memory"]:
                cells.append(f"{row.memory / 1e6:,.0f} MB" if row.memory else "")
            if extra["answer"]:
                cells.append(row.answer or "")
            cells.append("" if ours is None or ours is row else f"{ours.times_as_good_as(row):.2f} ×")
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def section(group: str, workloads: dict[str, list[Row]], folder: pathlib.Path) -> list[str]:
    """A group's heading, chart and table."""
    rows = [row for mine in workloads.values() for row in mine]
    lines = [f"## {group[0].upper()}{group[1:]}", ""]
    about = NOTES.get(group.split(", gpt2-")[0])
    lines += [about, ""] if about else []
    if len({row.unit for row in rows}) == 1 and any(row.tool != MACHINE for row in rows):
        name = re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-") + ".svg"
        drawn = charts.growth(group, AXES[group], rows) if group in AXES else charts.bars(group, workloads)
        (folder / name).write_text(drawn, encoding="utf-8")
        lines += [f"![{group}](benchmarks/{name})", ""]
    body = table(workloads)
    return [*lines, *(body if len(body) < 30 else ["<details><summary>Figures</summary>", "", *body, "", "</details>"]), ""]


def page(documents: list[dict], rows: list[Row], folder: pathlib.Path) -> str:
    """The whole page; charts go to a folder."""
    found = groups(rows)
    machines = list(dict.fromkeys(document["machine"] for document in documents))
    used = {name: version for document in documents for name, version in document["versions"].items()}
    rounds = sorted({document["rounds"] for document in documents})
    lines = [HEAD, f"Machine: {'; '.join(machines)}. Rounds: {', '.join(map(str, rounds))}. Versions: "
             f"{', '.join(f'{name} {version}' for name, version in used.items())}.", "",
             "## Aims", "", *aims(found), "",
             "## How to run it", "",
             "    make bench          # Ingot alone, beside cp: a few minutes",
             "    make bench-peers    # all of this page; installs the peers at first, several gigabytes",
             "    make bench-peers SHAPES='gpt2 gpt2-large gpt2-xl' LARGEST=20   # larger shapes and files", "",
             "More in [CONTRIBUTING.md](../CONTRIBUTING.md#benchmarks).", ""]
    for group, workloads in found.items():
        lines += section(group, workloads, folder)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path, nargs="+")
    parser.add_argument("--into", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    options = parser.parse_args()
    loaded = [measurement.load(path) for path in options.results]
    folder = options.into / "docs" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    documents = [document for document, _ in loaded]
    rows = [row for _, mine in loaded for row in mine]
    folder.with_suffix(".md").write_text(page(documents, rows, folder), encoding="utf-8")
    baseline = options.into / "Benchmarks" / "baseline.json"
    baseline.parent.mkdir(exist_ok=True)
    baseline.write_text(json.dumps(documents, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
