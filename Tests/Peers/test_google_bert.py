# SPDX-License-Identifier: Apache-2.0
"""Google's checkpoints of BERT: what ingot makes of them, and what TensorFlow reads of those that ingot writes. Run by
`make test-peers`; INGOT is the program's path. torch is not here: see Scripts/test-peers."""
import os
import pathlib
import unittest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from interoperability import ROOT, digest, ingot, temporary

FIXTURES = ROOT / "fixtures"
# A checkpoint and the model that it holds.
PAIRS = {"bert": "pre-training-old-names", "bert-classifier": "sequence-classification"}
# How ingot is asked for that layout.
GOOGLE = ("--for", "google")
# What an optimizer leaves.
LEFT = ("/adam_m", "/adam_v", "global_step")


def tensors(prefix: str) -> dict[str, np.ndarray]:
    """The parameters of a checkpoint as TensorFlow reads them."""
    reader = tf.train.load_checkpoint(prefix)
    return {name: reader.get_tensor(name) for name, _ in tf.train.list_variables(prefix) if not name.endswith(LEFT)}


def prefix_of(folder: pathlib.Path) -> str:
    """The only checkpoint of a folder."""
    (index,) = folder.glob("*.index")
    return str(index).removesuffix(".index")


class GoogleBert(unittest.TestCase):
    def test_checkpoints_are_read(self):
        for published, name in PAIRS.items():
            with self.subTest(published), temporary() as out:
                model, checkpoint = FIXTURES / "bert" / name, FIXTURES / "published" / published
                self.assertEqual(digest(checkpoint), digest(model))
                ingot("verify", checkpoint, "--fixtures", model / "expected.safetensors")
                ingot("convert", checkpoint, f"{out}/ours/", "--for", "transformers")
                self.assertEqual(digest(f"{out}/ours"), digest(model))

    def test_checkpoints_are_written(self):
        for published, name in PAIRS.items():
            with self.subTest(published), temporary() as out:
                ingot("convert", FIXTURES / "bert" / name, f"{out}/ours/", *GOOGLE)
                ours = tensors(prefix_of(pathlib.Path(out, "ours")))
                theirs = tensors(prefix_of(FIXTURES / "published" / published))
                self.assertEqual(ours.keys(), theirs.keys())
                for tensor, value in theirs.items():
                    self.assertTrue(np.array_equal(ours[tensor], value), tensor)
                self.assertTrue(pathlib.Path(out, "ours", "bert_config.json").exists())


if __name__ == "__main__":
    unittest.main()
