# SPDX-License-Identifier: Apache-2.0
"""Quantizes a model by every scheme of ours and by the peers, and measures what each costs: weights only, and W8A8.

usage: python3 Benchmarks/quantization_peers.py --build .build/release [--model fixtures/kjv-gpt2] [--tokens N]
       [--calibration-tokens N] [--keep-embedding] [--peers NAME,…] [--schemes NAME,…] [--programs NAME,…]
       [--gptq-python PYTHON] [--name NAME] [--json FILE]
Weights only: every method's integers are turned into the numbers that they stand for, and transformers runs all of them in
F32, so that nothing but these numbers differs. W8A8: each program runs its own products. Of BERT the cosine of embeddings is
measured, of other models the divergence of probabilities. Nothing is timed. A peer that is not installed ends the script;
`--peers` names those to run, and `--peers ''` none. llm-compressor has a Python of its own, which --gptq-python names.
Rows that --json has already of the same model and tokens stay until they are measured again. `--show FILE…` prints kept
tables.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import measurement

ROOT = pathlib.Path(__file__).resolve().parent.parent
KJV = ROOT / "fixtures" / "kjv-gpt2"
CALIBRATION = ROOT / "fixtures" / "calibration" / "kjv.txt"
EMBEDDINGS = "*{wte,embed_tokens,word_embeddings}.*"
SMALL_EMBEDDING = ["--rule", f"{EMBEDDINGS}=int8-group:16"]
# A name for the table, and what `quantize` is told.
SCHEMES = {
    "int8-tensor": ["--scheme", "int8-tensor"],
    "int8": ["--scheme", "int8"],
    "int8-group:128": ["--scheme", "int8-group:128"],
    "int8-group:64": ["--scheme", "int8-group:64"],
    "int8-group:64-embedding:16": ["--scheme", "int8-group:64", *SMALL_EMBEDDING],
    "q8_0": ["--scheme", "q8_0"],
    "int8-group:32": ["--scheme", "int8-group:32"],
    "int8-group:16": ["--scheme", "int8-group:16"],
}
NAMES = ("nearest", "llama.cpp", "ctranslate2", "quanto", "torchao", "bitsandbytes", "mlx", "onnxruntime", "llm-compressor")
PROGRAMS = ("transformers", "ctranslate2", "llama.cpp")
COLUMNS = {"tokens": ("tokens", "{:,}"), "bits": ("bits a weight", "{:.2f}"), "kl": ("KL a token", "{:.2e}"),
           "kl_p99": ("99th percentile", "{:.2e}"),
           "top1_agreement": ("same likeliest token", "{:.2%}"), "perplexity": ("perplexity", "{:.3f}"),
           "perplexity_change": ("beside F32's", "{:+.3%}"), "cosine": ("cosine", "{:.6f}"),
           "least_cosine": ("the least", "{:.6f}"), "kl_between": ("KL from by hand", "{:.2e}"),
           "largest_difference": ("largest difference", "{:.1e}")}
SHOWN = {"weights": ("bits", "kl", "kl_p99", "top1_agreement", "cosine", "least_cosine"),
         "w8a8": ("kl", "perplexity", "perplexity_change", "top1_agreement", "cosine", "least_cosine"),
         "programs": ("tokens", "kl", "kl_between", "largest_difference")}
TITLES = {"weights": "weights only", "w8a8": "W8A8", "programs": "ours in other programs"}


class Suite:
    """One model, with a folder for what is made of it."""

    def __init__(self, options: argparse.Namespace, folder: pathlib.Path):
        from quantization_models import Model

        self.options, self.folder = options, folder
        self.ingot = str((options.build / "ingot").resolve())
        self.model = Model(options.model, options.text.read_text(encoding="utf-8"), options.tokens)
        self.model.calibrate_with(options.calibration.read_text(encoding="utf-8"), options.calibration_tokens)
        self.with_embedding = not options.keep_embedding
        self.calibrate = ["--calibrate", str(options.calibration), "--calibration-tokens", str(options.calibration_tokens)]
        self.ids = folder / "ids.npy"
        np.save(self.ids, self.model.windows if self.model.is_bert else self.model.scored)
        self.rows = self.kept()

    def add(self, table: str, method: str, figures: dict[str, float], **facts: object) -> None:
        """Keeps a row, and tells of it."""
        row = {"method": method, **facts, **figures}
        self.rows[table] = [other for other in self.rows[table] if other["method"] != method] + [row]
        measurement.note(f"{table}: {line(row, SHOWN[table])}")
        self.save()

    def document(self, rows: dict[str, list[dict]]) -> dict:
        """All rows, with what they are of."""
        return {"name": self.options.name or self.options.model.resolve().name, "tokens": self.model.tokens,
                "calibration_tokens": self.model.calibration.size, "keeps_embedding": self.options.keep_embedding,
                "versions": measurement.versions(), "tables": rows}

    def kept(self) -> dict[str, list[dict]]:
        """Rows of an earlier run of the same on the same tokens; those that are measured again are replaced."""
        rows: dict[str, list[dict]] = {table: [] for table in SHOWN}
        if not self.options.json or not self.options.json.exists():
            return rows
        earlier, now = json.loads(self.options.json.read_text(encoding="utf-8")), self.document(rows)
        same = all(earlier[key] == now[key] for key in ("name", "tokens", "calibration_tokens", "keeps_embedding"))
        return rows | earlier["tables"] if same else rows

    def save(self) -> None:
        """Keeps what there is so far, where `--json` says."""
        if self.options.json:
            self.options.json.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(self.document(self.rows), indent=1, ensure_ascii=False)
            self.options.json.write_text(text + "\n", encoding="utf-8")

    def call(self, *words: str | os.PathLike) -> dict:
        """What a command of ours prints as JSON."""
        done = subprocess.run([self.ingot, *map(str, words), "--json"], capture_output=True, text=True)
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, words, stderr=done.stderr)
        return json.loads(done.stdout)

    # Ours

    def ours(self) -> None:
        """Every scheme, plain and calibrated; `int8` with int8 activations too."""
        for scheme, words in SCHEMES.items():
            if scheme not in self.options.schemes or (not self.with_embedding and "embedding" in scheme):
                continue
            if not self.with_embedding:
                words = [*words, "--rule", f"{EMBEDDINGS}=keep"]
            for is_calibrated in (False, True):
                name = f"ingot, {scheme}" + ", calibrated" * is_calibrated
                # In GGUF blocks run along a weight's inputs, whatever the model's own layout.
                path = self.folder / ("ours.gguf" if scheme == "q8_0" else "ours.ingot")
                try:
                    made = self.call("quantize", self.options.model, path, "--force", *words, *self.calibrate * is_calibrated)
                except subprocess.CalledProcessError as error:
                    # A width that groups do not divide.
                    measurement.note(f"without {name}: {error.stderr.splitlines()[0]}")
                    break
                figures = self.model.measure(self.dequantized(path, made))
                self.add("weights", name, figures, ours=True, calibrated=is_calibrated, bits=made["model"]["bits_per_weight"])
                if scheme == "int8" and self.with_embedding:
                    self.add("w8a8", name, self.run_w8a8(path), ours=True, calibrated=is_calibrated)

    def dequantized(self, path: pathlib.Path, made: dict):
        """The model of what our integers stand for; of the weights that are meant, and no others."""
        expected = self.model.values(self.with_embedding)
        count = sum(entry["bytes_before"] for entry in made["tensors"]) // 4
        if count != sum(weight.size for weight in expected.values()):
            raise SystemExit(f"ingot quantized {count} values, which are not those of {len(expected)} matrices")
        wide = self.folder / "wide"
        self.call("convert", path, f"{wide}/", "--dtype", "f32", "--for", "transformers", "--force")
        return self.model.forward(self.model.load(wide))

    def run_w8a8(self, path: pathlib.Path) -> dict[str, float]:
        """Our own products of int8 weights and activations."""
        if self.model.is_bert:
            return self.model.measure_all(self.recorded(path, self.ids, "last_hidden_state"))
        found = self.call("eval", path, "--against", self.options.model, "--tokens", self.ids, "--precision", "w8a8")
        return {key: found[key] for key in ("kl", "kl_p99", "perplexity", "top1_agreement")} \
            | {"perplexity_change": found["perplexity"] / found["baseline_perplexity"] - 1}

    def recorded(self, path: pathlib.Path, windows: pathlib.Path, name: str) -> np.ndarray:
        """An output of our own run with int8 activations, of all windows."""
        output = self.folder / "recorded.npz"
        self.call("record", path, "--tokens", windows, "--precision", "w8a8", "-o", output, "--force")
        with np.load(output) as file:
            return file[name]

    # Peers

    def peers(self, names: list[str]) -> None:
        """What each peer makes of the weights, and how it runs them."""
        import quantization_runs
        import quantization_weights

        matrices = self.model.values(self.with_embedding)
        for name in names:
            for method, how in quantization_weights.PEERS.get(name, []):
                try:
                    values, bits = quantization_weights.quantized(matrices, how)
                except ValueError as error:
                    # A width that groups do not divide.
                    measurement.note(f"without {method}: {error}")
                    continue
                self.add("weights", method, self.model.measure(self.model.with_values(values)), peer=name, bits=bits)
            if name == "llm-compressor":
                self.gptq()
            self.model.with_values({})
            for method, how in quantization_runs.PEERS.get(name, []) if self.with_embedding else []:
                self.add("w8a8", method, self.model.measure(how(self.model, self.folder)), peer=name)

    def gptq(self) -> None:
        """llm-compressor's GPTQ, which leaves the embedding: where that is quantized too, by the nearest integers."""
        import quantization_weights
        from safetensors import safe_open

        if self.model.is_bert:
            return
        windows, output = self.folder / "calibration.npy", self.folder / "gptq.safetensors"
        np.save(windows, self.model.calibration)
        script = pathlib.Path(__file__).with_name("quantization_gptq.py")
        subprocess.run([self.options.gptq_python, script, self.options.model, windows, output], check=True,
                       stdout=subprocess.DEVNULL)
        matrices = self.model.values(self.with_embedding)
        with safe_open(output, "np") as file:
            values = {name: file.get_tensor(name) for name in file.keys()}
            bits = int(file.metadata()["bits"])
        rest = {name: quantization_weights.nearest(weight) for name, weight in matrices.items() if name not in values}
        if not set(values) <= set(matrices) or set(rest) - {"embedding", "head"}:
            raise SystemExit("llm-compressor quantized other matrices")
        bits += sum(count for _, count in rest.values())
        figures = self.model.measure(self.model.with_values(values | {name: made for name, (made, _) in rest.items()}))
        self.add("weights", "llm-compressor, GPTQ W8A16", figures, peer="llm-compressor", calibrated=True,
                 bits=bits / sum(weight.size for weight in matrices.values()))


def line(row: dict, columns: tuple[str, ...]) -> str:
    """A row of a table."""
    cells = [COLUMNS[key][1].format(row[key]) for key in columns if key in row]
    return " | ".join(["", row["method"], *cells, ""]).strip()


def show(document: dict) -> None:
    """Prints a document's tables, the least distance last."""
    for table, rows in document["tables"].items():
        if not rows:
            continue
        columns = [key for key in SHOWN[table] if key in rows[0]]
        print(f"\n{document['name']}, {document['tokens']:,} tokens, {TITLES[table]}"
              + ", embedding kept" * document["keeps_embedding"] + ":\n")
        print("| " + " | ".join(["method", *(COLUMNS[key][0] for key in columns)]) + " |")
        print("|---" + "|---:" * len(columns) + "|")
        for row in sorted(rows, key=lambda row: row["kl"] if "kl" in row else -row["cosine"], reverse=True):
            print(line(row, columns))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, help="the folder with the built programs")
    parser.add_argument("--model", type=pathlib.Path, default=KJV)
    parser.add_argument("--name", help="what the tables call it")
    parser.add_argument("--text", type=pathlib.Path, default=KJV / "heldout.txt")
    parser.add_argument("--calibration", type=pathlib.Path, default=CALIBRATION)
    parser.add_argument("--tokens", type=int, default=1_000_000, help="the most tokens of the text")
    parser.add_argument("--calibration-tokens", type=int, default=65_536)
    parser.add_argument("--keep-embedding", action="store_true", help="quantize linear layers alone")
    parser.add_argument("--peers", default=",".join(NAMES), metavar="NAME,…")
    parser.add_argument("--schemes", default=",".join(SCHEMES), metavar="NAME,…", help="ours; the tables name them")
    parser.add_argument("--programs", default=",".join(PROGRAMS), metavar="NAME,…", help="for which ours are written and run")
    parser.add_argument("--gptq-python", default=sys.executable, help="a Python with llm-compressor")
    parser.add_argument("--json", type=pathlib.Path, help="where the figures are kept")
    parser.add_argument("--show", type=pathlib.Path, nargs="+", metavar="FILE", help="print figures that were kept")
    options = parser.parse_args()
    options.peers = [name for name in options.peers.split(",") if name]
    options.schemes = [name for name in options.schemes.split(",") if name]
    options.programs = [name for name in options.programs.split(",") if name]
    for asked, known in ((options.peers, NAMES), (options.schemes, SCHEMES), (options.programs, PROGRAMS)):
        if unknown := set(asked) - set(known):
            parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if not options.show and not options.build:
        parser.error("--build is missing")
    return options


def main() -> None:
    """Measures, prints the tables and keeps the figures."""
    options = arguments()
    if options.show:
        for path in options.show:
            show(json.loads(path.read_text(encoding="utf-8")))
        return
    with tempfile.TemporaryDirectory(prefix="ingot-quantization-") as folder:
        suite = Suite(options, pathlib.Path(folder))
        try:
            suite.peers(options.peers)
        except ImportError as error:
            raise SystemExit(f"{error.name} is not installed; --peers names the peers to run") from error
        suite.ours()
        if suite.with_embedding:
            import quantization_folders

            quantization_folders.measure(suite, options.programs)
        show(suite.document(suite.rows))


if __name__ == "__main__":
    main()
