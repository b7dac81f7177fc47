# SPDX-License-Identifier: Apache-2.0
"""Times Llamas of two published shapes, untrained: to GGUF beside cp and llama.cpp's converter, and run beside llama.cpp.

usage: python3 Benchmarks/decoders.py --build .build/release [--shapes smollm2-135m,tinyllama-1.1b] [--rounds 3]
       [--converter convert_hf_to_gguf.py] [--only 'F16'] [--threads N] [--json FILE]
llama.cpp is xllamacpp's, whose server tells what prefill and decoding took; keys and values in single precision, as ours.
Its converter is in the sources of llama-cpp-python; without it, its rows are left out, which is said.
"""
from __future__ import annotations

import argparse
import pathlib
import shutil
import subprocess
import sys

import engines
import measurement
from measurement import Row

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "Tests" / "Peers"))
from programs import xllamacpp_server  # noqa: E402  (its place is known only now)

SHAPES = ("smollm2-135m", "tinyllama-1.1b")
PROMPT, DECODED = 512, 64
# A tokenizer of a few pieces; the others of the vocabulary are filled up.
TOKENIZER = ROOT / "fixtures" / "llama-golden" / "grouped" / "hf"
# What llama.cpp runs, and ours of the same weights: a file, and RuntimeBenchmark's word.
KINDS = {"F32": ("f32.gguf", "hf/", "auto"), "BF16": ("bf16.gguf", "bf16/", "bf16"),
         "Q8_0": ("q8_0.gguf", "q8_0.gguf", "auto"),
         "Q8_0, and int8 of ours": ("q8_0.gguf", "int8/", "auto"),
         "Q8_0, and W8A8 of ours": ("q8_0.gguf", "int8/", "w8a8")}


class Llama:
    """One shape, with what is made of it."""

    def __init__(self, options: argparse.Namespace, folder: pathlib.Path, shape: str):
        self.options, self.folder, self.shape = options, folder, shape
        self.ingot = str((options.build / "ingot").resolve())

    def path(self, name: str) -> pathlib.Path:
        """A form of the model, made when it isn't there yet."""
        path = self.folder / name
        if path.exists():
            return path
        if name == "hf/":
            self.call("init", "llama", "--preset", self.shape, "--seed", "1", "--dtype", "f32", f"{path}/")
            for file in TOKENIZER.glob("tokenizer*"):
                shutil.copy(file, path)
            return path
        words = {"bf16/": ["convert", "--dtype", "bf16"], "int8/": ["quantize"],
                 "f32.gguf": ["convert", "--for", "llama.cpp"],
                 "bf16.gguf": ["convert", "--for", "llama.cpp", "--dtype", "bf16"],
                 "q8_0.gguf": ["quantize", "--scheme", "q8_0"]}[name]
        self.call(words[0], f"{self.path('hf/')}/", str(path) + "/" * name.endswith("/"), *words[1:])
        return path

    def call(self, *words: str) -> None:
        subprocess.run([self.ingot, *words, "--quiet"], check=True, stdout=subprocess.DEVNULL)

    # Conversions

    def conversions(self) -> list[Row]:
        """To GGUF, in half precision and in blocks."""
        source = self.path("hf/")
        target = self.folder / "out.gguf"
        rows = []
        for name, words, outtype in (
                ("HF → GGUF F16", ["convert", "--for", "llama.cpp", "--dtype", "f16"], "f16"),
                ("HF → GGUF Q8_0", ["quantize", "--scheme", "q8_0"], "q8_0")):
            if self.options.only not in name:
                continue
            commands = {"ingot": [self.ingot, words[0], f"{source}/", str(target), *words[1:], "--quiet"],
                        "cp of the input": ["cp", str(source / "model.safetensors"), str(target)]}
            if self.options.converter:
                commands["convert_hf_to_gguf.py"] = [sys.executable, str(self.options.converter), str(source),
                                                     "--outfile", str(target), "--outtype", outtype]
            memory: dict[str, int] = {}

            def turn(tool: str, command: list[str]) -> float:
                target.unlink(missing_ok=True)
                seconds, peak = measurement.run(command)
                memory[tool] = max(peak, memory.get(tool, 0))
                return seconds

            turns = {tool: (lambda tool=tool, command=command: turn(tool, command))
                     for tool, command in commands.items()}
            runs = measurement.take_turns(turns, self.options.rounds)
            rows += [Row(f"converting {self.shape}", name, tool, "s", times, memory.get(tool))
                     for tool, times in runs.items()]
        target.unlink(missing_ok=True)
        return rows

    # Runs

    def runs(self) -> list[Row]:
        """Prefill and decoding, tokens a second."""
        rows = []
        for kind, (file, ours, arithmetic) in KINDS.items():
            if self.options.only not in f"running {kind}":
                continue
            engine = engines.ours(self.options.build, self.path(ours), arithmetic, self.options.threads)
            served = xllamacpp_server.Served(self.path(file), PROMPT + 2 * DECODED, self.options.threads)
            ids = [(index * 7919 + 13) % 300 for index in range(PROMPT)]

            def timings() -> dict:
                found = served.ask("completion", prompt=ids, n_predict=DECODED, ignore_eos=True, temperature=0.0,
                                   cache_prompt=False)
                return found["timings"]

            turns = {
                ("prefill", "ingot"): lambda: PROMPT / engine.prefill(PROMPT, "last"),
                ("prefill", "llama.cpp"): lambda: timings()["prompt_per_second"],
                ("decode", "ingot"): lambda: DECODED / engine.decode(PROMPT, DECODED),
                ("decode", "llama.cpp"): lambda: timings()["predicted_per_second"],
            }
            found = measurement.take_turns(turns, self.options.rounds)
            engine.end()
            del served
            rows += [Row(f"running {self.shape}", f"{kind}: {what}", tool, "tokens/s", rates)
                     for (what, tool), rates in found.items()]
            for name in {file, ours} - {"hf/"}:
                path = self.folder / name
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return rows


def main() -> None:
    """Prints the rows, and writes them where `--json` says."""
    parser = measurement.arguments(__doc__)
    parser.add_argument("--shapes", default=list(SHAPES), type=lambda text: text.split(","))
    parser.add_argument("--converter", type=pathlib.Path)
    options = parser.parse_args()
    if not options.converter:
        measurement.note("without convert_hf_to_gguf.py, which --converter names")
    rows: list[Row] = []
    for shape in options.shapes:
        with measurement.workspace() as name:
            llama = Llama(options, pathlib.Path(name), shape)
            for part in (llama.conversions, llama.runs):
                found = part()
                measurement.show(found)
                rows += found
    measurement.save(rows, options)


if __name__ == "__main__":
    main()
