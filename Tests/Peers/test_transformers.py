# SPDX-License-Identifier: Apache-2.0
"""What ingot writes, transformers loads, and computes the same with it.

Run by `make test-peers`; INGOT is the program's path. Needs Scripts/peers/heavy.txt.
"""
import os
import pathlib
import subprocess
import tempfile
import unittest

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "fixtures" / "kjv-gpt2"
IDS = torch.arange(2, 50).reshape(2, 24)


def ingot(*arguments):
    """Runs the program; a failure shows what it said."""
    result = subprocess.run([os.environ["INGOT"], *map(str, arguments)], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise AssertionError(f"ingot {arguments}: {result.returncode}: {result.stderr}")
    return result.stdout


def logits(folder, dtype=torch.float32):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    with torch.no_grad():
        return model(IDS).logits


class Transformers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ingot-peers-")
        self.addCleanup(self.folder.cleanup)
        self.out = pathlib.Path(self.folder.name)

    def test_a_sharded_folder_gives_the_same_logits(self):
        ingot("convert", MODEL, f"{self.out}/shards/", "--shard-size", "1MB")
        self.assertTrue(torch.equal(logits(self.out / "shards"), logits(MODEL)))

    def test_a_way_through_ingot_gives_the_same_logits(self):
        ingot("convert", MODEL, self.out / "model.ingot")
        ingot("convert", self.out / "model.ingot", f"{self.out}/back/")
        self.assertTrue(torch.equal(logits(self.out / "back"), logits(MODEL)))

    def test_casts_round_as_torch_does(self):
        source = load_file(MODEL / "model.safetensors")
        for name, dtype in [("BF16", torch.bfloat16), ("F16", torch.float16), ("F8_E4M3", torch.float8_e4m3fn),
                            ("F8_E5M2", torch.float8_e5m2), ("F64", torch.float64)]:
            with self.subTest(name):
                path = self.out / f"{name}.safetensors"
                ingot("convert", MODEL, path, "--dtype", name)
                ours = load_file(path)
                self.assertEqual(ours.keys(), source.keys())
                for key, tensor in source.items():
                    expected = tensor.to(dtype).contiguous().view(torch.uint8)
                    self.assertTrue(torch.equal(ours[key].contiguous().view(torch.uint8), expected), key)


if __name__ == "__main__":
    unittest.main()
