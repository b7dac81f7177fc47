# SPDX-License-Identifier: Apache-2.0
"""GPT-1 and GPT-2's other heads in transformers, and OpenAI's release of GPT-1 by the rules of its train.py: flat arrays
that follow one another, cut by params_shapes.json. Run by `make test-peers`; INGOT is the program's path."""
import json
import pathlib
import unittest

import numpy as np
from architectures import ROOT, ingot, models, temporary, there_and_back
from interoperability import digest

PUBLISHED = ROOT / "fixtures" / "published"
# The model that the release holds, and how ingot is asked for that layout.
MODEL = ROOT / "fixtures" / "openai-gpt" / "language-model"
RELEASE = ("--for", "openai")


def release(folder: pathlib.Path) -> list[np.ndarray]:
    """The tensors of a release in their order."""
    shapes = json.loads((folder / "params_shapes.json").read_text(encoding="utf-8"))
    flat = np.concatenate([np.load(folder / f"params_{index}.npy") for index in range(10)])
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    assert ends[-1] == flat.size, f"{flat.size} values for {ends[-1]}"
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]


class GPT1(unittest.TestCase):
    def test_every_head_in_transformers(self):
        for folder in ("openai-gpt", "gpt2-heads"):
            for model in models(folder):
                with self.subTest(folder=folder, model=model.name):
                    there_and_back(model)

    def test_the_release_is_read(self):
        config = ["--config", MODEL / "config.json"]
        for folder, options in ((PUBLISHED / "openai-gpt", config), (PUBLISHED / "openai-gpt-named", [])):
            with self.subTest(folder.name), temporary() as name:
                self.assertEqual(digest(folder, *options), digest(MODEL))
                ingot("verify", folder, "--fixtures", MODEL / "expected.safetensors", *options)
                ingot("convert", folder, f"{name}/ours/", "--for", "transformers", *options)
                self.assertEqual(digest(f"{name}/ours"), digest(MODEL))

    def test_the_release_is_written(self):
        with temporary() as name:
            ingot("convert", MODEL, f"{name}/release/", *RELEASE)
            ours, theirs = release(pathlib.Path(name, "release")), release(PUBLISHED / "openai-gpt")
        self.assertEqual([tensor.shape for tensor in ours], [tensor.shape for tensor in theirs])
        for index, (tensor, expected) in enumerate(zip(ours, theirs, strict=True)):
            self.assertTrue(np.array_equal(tensor, expected), index)


if __name__ == "__main__":
    unittest.main()
