# SPDX-License-Identifier: Apache-2.0
"""More of GGUF in llama.cpp: a file of Q8_0 blocks is what its own quantizer makes, and both find the same next tokens; a
set of files is loaded by its first. Run by `make test-peers`."""
import pathlib
import unittest

import gguf
import numpy as np
from interoperability import PROGRAMS, Model, ingot, temporary


# What rounding weights to eight bits costs a logit, over the largest.
COARSE = 2e-2


def contents(path: pathlib.Path) -> tuple[dict, dict]:
    """Tensors with their types, shapes and bytes, and metadata, by name."""
    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: (tensor.tensor_type.name, tuple(tensor.shape), bytes(tensor.data)) for tensor in reader.tensors}
    keys = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    return tensors, keys


class GGUF(unittest.TestCase):
    program = next(program for program in PROGRAMS if program.module == "llama_cpp_file")

    def test_blocks_are_what_llama_cpp_makes(self):
        with temporary() as name:
            folder, model = pathlib.Path(name), Model("kjv-gpt2")
            ingot("convert", model.folder, folder / "plain.gguf")
            self.program.run([["quantize", folder / "plain.gguf", folder / "theirs.gguf"]])
            for source in (model.folder, folder / "plain.gguf"):
                ingot("quantize", source, folder / "ours.gguf", "--scheme", "q8_0", "--force")
                ours, theirs = contents(folder / "ours.gguf"), contents(folder / "theirs.gguf")
                self.assertEqual(ours[0], theirs[0])
                self.assertEqual(ours[1], theirs[1])

    def test_blocks_find_the_same_next_tokens(self):
        with temporary() as name:
            folder, model = pathlib.Path(name), Model("kjv-gpt2")
            ingot("quantize", model.folder, folder / "ours.gguf", "--scheme", "q8_0")
            self.program.run([model.job(folder / "ours.gguf", folder)])
            theirs = np.load(folder / "out.npy")
            for row, logits in zip(model.ids, theirs, strict=True):
                ids = ",".join(map(str, row))
                ingot("record", folder / "ours.gguf", "--tokens", ids, "--force", "-o", folder / "ours.npz")
                ours = np.load(folder / "ours.npz")["logits"][0]
                self.assertEqual(ours.argmax(-1).tolist(), logits.argmax(-1).tolist())

    def test_what_was_cast_is_loaded(self):
        with temporary() as name:
            folder, model = pathlib.Path(name), Model("kjv-gpt2")
            ingot("quantize", model.folder, folder / "q8_0.gguf", "--scheme", "q8_0")
            ingot("convert", model.folder, folder / "f32.gguf")
            for source, dtype in (("f32", "f16"), ("f32", "bf16"), ("q8_0", "f16"), ("q8_0", "f32")):
                ingot("convert", folder / f"{source}.gguf", folder / "cast.gguf", "--dtype", dtype, "--force")
                self.program.run([model.job(folder / "cast.gguf", folder)])
                self.assertLessEqual(model.difference(folder), COARSE)

    def test_a_set_is_loaded(self):
        with temporary() as name:
            folder, model = pathlib.Path(name), Model("kjv-gpt2")
            ingot("convert", model.folder, f"{folder}/set/", *self.program.options, "--shard-size", "1MB")
            first = sorted((folder / "set").glob("*.gguf"))[0]
            self.program.run([model.job(first, folder)])
            self.assertLessEqual(model.difference(folder), self.program.tolerance)


if __name__ == "__main__":
    unittest.main()
