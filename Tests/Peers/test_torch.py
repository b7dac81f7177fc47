# SPDX-License-Identifier: Apache-2.0
"""What torch saves, ingot reads; what ingot writes, torch.load(weights_only=True) reads, each value and tie the same.

Run by `make test-peers`; INGOT is the program's path. Needs Scripts/peers/heavy.txt.
"""
import json
import os
import pathlib
import pickle
import subprocess
import tempfile
import unittest

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "fixtures" / "golden" / "pytorch"
MODEL = ROOT / "fixtures" / "kjv-gpt2"
IDS = torch.arange(2, 50).reshape(2, 24)


def ingot(*arguments, code=0):
    """Runs the program; a failure shows what it said."""
    result = subprocess.run([os.environ["INGOT"], *map(str, arguments)], capture_output=True, text=True, check=False)
    if result.returncode != code:
        raise AssertionError(f"ingot {arguments}: {result.returncode}: {result.stderr}")
    return result.stdout


def flat(value, name=""):
    """The tensors of a tree by the keys that lead to them."""
    if isinstance(value, torch.Tensor):
        return {name: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    return {found: tensor for key, item in items
            for found, tensor in flat(item, f"{name}.{key}" if name else str(key)).items()}


def same(ours, theirs):
    """Whether two tensors have the same type, shape and bits."""
    def bits(tensor):
        return tensor.detach().contiguous().reshape(-1).view(torch.uint8)
    return ours.dtype == theirs.dtype and ours.shape == theirs.shape and torch.equal(bits(ours), bits(theirs))


class Torch(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ingot-peers-")
        self.addCleanup(self.folder.cleanup)
        self.out = pathlib.Path(self.folder.name)

    def assert_same(self, ours, theirs):
        self.assertEqual(ours.keys(), theirs.keys())
        for name, tensor in theirs.items():
            self.assertTrue(same(ours[name], tensor), name)

    def test_many_small_tensors_stay_below_every_bound(self):
        """The densest pickles that torch writes: what bounds hostile ones must let them through."""
        whole = torch.arange(20_000.)
        trees = {
            "own storages": [torch.full((1,), float(index)) for index in range(20_000)],
            "views of one": {str(index): whole[index] for index in range(20_000)},
            "optimizer": {"state": {index: {"step": whole[index], "exp_avg": whole[index:index + 1].clone()}
                                    for index in range(10_000)}},
            "numbers": {"weight": whole, "losses": [float(index) for index in range(50_000)],
                        "ids": list(range(1_000, 51_000)), "empty": [[] for _ in range(20_000)]},
        }
        for name, tree in trees.items():
            for protocol in (2, 4, 5):
                with self.subTest(tree=name, protocol=protocol):
                    torch.save(tree, self.out / "many.pt", pickle_protocol=protocol)
                    ingot("convert", self.out / "many.pt", self.out / "many.safetensors", "--force", "--quiet")
                    ours = load_file(self.out / "many.safetensors")
                    theirs = flat(tree)
                    self.assertEqual(ours.keys(), theirs.keys())
                    self.assertTrue(all(torch.equal(ours[key], tensor) for key, tensor in theirs.items()))

    def test_every_golden_file_goes_through_ingot(self):
        """Each checkpoint as torch reads it itself, against what it reads of the one that ingot made of it.

        But for those with objects of a program's own: torch needs the program, and tensors of devices their device. What
        ingot reads of them is held against the values that were drawn, in PyTorchTests.
        """
        for path in sorted([*GOLDEN.glob("*.pt"), *GOLDEN.glob("*.pth")]):
            if "objects" in path.name:
                continue
            with self.subTest(path.name):
                made = self.out / "made.pt"
                ingot("convert", path, made, "--force", "--quiet")
                # Of files with untyped storages (uint16 and its like) torch turns no elements, and reads no stream:
                # formats/pytorch.md, "Errata".
                same_values = {"big-endian.pt": "every-dtype.pt", "stream-every-dtype.pt": "every-dtype.pt"}
                theirs = torch.load(GOLDEN / same_values.get(path.name, path.name), weights_only=False)
                if isinstance(theirs, torch.Tensor):
                    theirs = {path.stem: theirs}
                for mapped in (False, True):
                    self.assert_same(torch.load(made, weights_only=True, mmap=mapped), flat(theirs))

    def test_ties_stay_tied(self):
        ingot("convert", GOLDEN / "tied.pt", self.out / "tied.pt")
        tensors = torch.load(self.out / "tied.pt", weights_only=True)
        pointers = {name: tensor.untyped_storage().data_ptr() for name, tensor in tensors.items()}
        self.assertEqual(pointers["wte.weight"], pointers["lm_head.weight"])
        self.assertEqual(pointers["wte.weight"], pointers["detached"])
        self.assertNotEqual(pointers["wte.weight"], pointers["turned"])

    def test_storages_are_aligned(self):
        ingot("convert", MODEL, self.out / "model.pt")
        for name, tensor in torch.load(self.out / "model.pt", weights_only=True, mmap=True).items():
            self.assertEqual(tensor.data_ptr() % 64, 0, name)

    def test_a_random_state_dictionary_comes_back(self):
        torch.manual_seed(7)
        module = torch.nn.TransformerEncoderLayer(32, 4, 64)
        for new in (True, False):
            with self.subTest(zip=new):
                torch.save(module.state_dict(), self.out / "in.pt", _use_new_zipfile_serialization=new)
                ingot("convert", self.out / "in.pt", self.out / "out.safetensors", "--force", "--check")
                self.assert_same(load_file(self.out / "out.safetensors"), module.state_dict())
                ingot("convert", self.out / "out.safetensors", self.out / "back.pt", "--force", "--check")
                module.load_state_dict(torch.load(self.out / "back.pt", weights_only=True))

    def test_transformers_loads_a_folder_and_a_set(self):
        expected = AutoModelForCausalLM.from_pretrained(MODEL, attn_implementation="eager").eval()(IDS).logits
        for name, options in {"one": [], "set": ["--shard-size", "1MB"]}.items():
            with self.subTest(name):
                ingot("convert", MODEL, f"{self.out}/{name}/", "--to", "pytorch", *options)
                model = AutoModelForCausalLM.from_pretrained(
                    self.out / name, use_safetensors=False, attn_implementation="eager").eval()
                self.assertTrue(torch.equal(model(IDS).logits, expected))

    def test_unsafe_globals_are_those_that_torch_finds(self):
        class Harm:
            def __reduce__(self):
                return os.system, ("echo pwned",)

        value = {"w": torch.ones(2), "harm": Harm(), "path": pathlib.PurePosixPath("a"), "partial": pickle.loads}
        path = self.out / "unsafe.pt"
        torch.save(value, path)
        found = json.loads(ingot("inspect", "--security", "--json", path, code=1))
        refused = {line["name"] for line in found["files"][0]["globals"] if not line["allowed"]}
        unsafe = set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
        # A path is a plain value here.
        self.assertEqual(refused, unsafe - {"pathlib.PurePosixPath"})
        self.assertEqual(found["files"][0]["calls"][0]["arguments"], [{"kind": "text", "value": "echo pwned"}])


if __name__ == "__main__":
    unittest.main()
