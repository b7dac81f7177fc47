# SPDX-License-Identifier: Apache-2.0
"""Completions in zsh and fish, which have to be installed; bash is asked by `make test`."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
# A line without its end, and the words that are there when it is completed.
LINES = [
    ("ingot validate wei", ["validate", "weights.npz"]),
    ("ingot diff --config conf", ["diff", "--config", "config.json"]),
    ("ingot eval weights.npz --text sto", ["eval", "weights.npz", "--text", "story.txt"]),
    ("ingot convert a b --to tens", ["convert", "a", "b", "--to", "tensorflow"]),
    ("ingot quantize a b --for vl", ["quantize", "a", "b", "--for", "vllm"]),
    ("ingot init mixt", ["init", "mixtral"]),
    ("ingot detok", ["detokenize"]),
    ("ingot quantize a b --scheme int8-group:3", ["quantize", "a", "b", "--scheme", "int8-group:32"]),
    ("ingot quantize a b --scheme=int8-group:12", ["quantize", "a", "b", "--scheme=int8-group:128"]),
    ("ingot convert a b --to=saf", ["convert", "a", "b", "--to=safetensors"]),
    ("ingot record a --output=stor", ["record", "a", "--output=story.txt"]),
    ("ingot help ins", ["help", "inspect"]),
]


class CompletionTests(unittest.TestCase):
    """Each shell is asked in its own way."""

    def ask(self, shell: str) -> list[str]:
        """What a shell makes of the lines."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ["weights.npz", "config.json", "story.txt"]:
                (pathlib.Path(folder) / name).touch()
            typed = "".join(line + "\n" for line, _ in LINES)
            done = subprocess.run(
                [sys.executable, HERE / "shell_completions.py", shell, os.environ["INGOT"], folder],
                input=typed, capture_output=True, check=True, text=True)
        return done.stdout.splitlines()

    def test_zsh(self) -> None:
        """The line is completed in place."""
        expected = ["".join(f"<{word}>" for word in words) for _, words in LINES]
        self.assertEqual(self.ask("zsh"), expected)

    def test_fish(self) -> None:
        """What the last word may become is listed."""
        self.assertEqual(self.ask("fish"), [words[-1] for _, words in LINES])


if __name__ == "__main__":
    unittest.main()
