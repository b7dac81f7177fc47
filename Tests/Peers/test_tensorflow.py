# SPDX-License-Identifier: Apache-2.0
"""What TensorFlow saves, ingot reads; what ingot writes, tf.train.load_checkpoint reads, each value the same.

Run by `make test-peers`; INGOT is the program's path. Needs Scripts/peers/heavy.txt.
"""
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import ml_dtypes
import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "fixtures" / "kjv-gpt2"
v1 = tf.compat.v1

# Every dtype that both have, by ingot's name for it.
DTYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16, "U32": np.uint32,
    "I32": np.int32, "U64": np.uint64, "I64": np.int64, "F16": np.float16, "BF16": ml_dtypes.bfloat16,
    "F32": np.float32, "F64": np.float64, "C64": np.complex64, "C128": np.complex128,
    "F8_E5M2": ml_dtypes.float8_e5m2, "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz, "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
}


def ingot(*arguments):
    """Runs the program; a failure shows what it said."""
    result = subprocess.run([os.environ["INGOT"], *map(str, arguments)], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise AssertionError(f"ingot {arguments}: {result.returncode}: {result.stderr}")
    return result.stdout


def digest(array):
    """SHA-256 over the values, little-endian in C order: what ingot prints of a tensor."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def digests(path):
    """Names with dtype, shape and digest, as ingot reads a checkpoint."""
    report = json.loads(ingot("inspect", "--json", "--hash", path))
    return {tensor["name"]: (tensor["dtype"], tensor["shape"], tensor["sha256"]) for tensor in report["tensors"]}


def expected(arrays):
    """The same of arrays."""
    names = {np.dtype(kind): name for name, kind in DTYPES.items()}
    return {name: (names[array.dtype], list(array.shape), digest(array)) for name, array in arrays.items()}


def read(prefix):
    """All tensors of numbers as TensorFlow reads a checkpoint, its own checks included."""
    reader = tf.train.load_checkpoint(str(prefix))
    listed = dict(tf.train.list_variables(str(prefix)))
    found = {name: reader.get_tensor(name) for name in listed}
    for name, shape in listed.items():
        assert list(np.shape(found[name])) == shape, name
    return {name: value for name, value in found.items() if not isinstance(value, bytes)}


def samples():
    """Arrays of every dtype, scalars and empty ones among them."""
    random = np.random.default_rng(3)
    arrays = {}
    for name, kind in DTYPES.items():
        for shape in [(), (0,), (7,), (3, 5), (2, 1, 0, 4)]:
            values = random.integers(0, 2 if name == "BOOL" else 100, shape)
            arrays[f"{name}/{'x'.join(map(str, shape)) or 'scalar'}"] = np.asarray(values).astype(kind)
    arrays["special"] = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45], np.float32)
    return arrays


class TensorFlow(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ingot-peers-")
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name)

    @staticmethod
    def save(arrays, path):
        """A safetensors file; the library has no word for some of numpy's dtypes."""
        names = {np.dtype(kind): name for name, kind in DTYPES.items()}
        header, data = {}, b""
        for name, array in arrays.items():
            start, data = len(data), data + np.ascontiguousarray(array).tobytes()
            header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [start, len(data)]}
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data)

    def assert_read(self, prefix, arrays):
        """TensorFlow reads these arrays, bit by bit, and ingot finds their digests."""
        found = read(prefix)
        self.assertEqual(found.keys(), arrays.keys())
        for name, array in arrays.items():
            value = np.asarray(found[name])
            self.assertEqual((value.dtype, value.shape, digest(value)), (array.dtype, array.shape, digest(array)), name)
        self.assertEqual(digests(f"{prefix}.index"), expected(arrays))

    def test_every_dtype_that_ingot_writes(self):
        """From arrays that numpy writes, by way of .npz; ml_dtypes' by way of safetensors."""
        arrays = samples()
        by_numpy = {name: array for name, array in arrays.items() if array.dtype.type.__module__ == "numpy"}
        np.savez(self.out / "a.npz", **by_numpy)
        ingot("convert", self.out / "a.npz", f"{self.out}/numpy/", "--to", "tensorflow")
        self.assert_read(self.out / "numpy" / "model.ckpt", by_numpy)
        rest = {name: array for name, array in arrays.items() if array.dtype != np.complex128}
        self.save(rest, self.out / "a.safetensors")
        ingot("convert", self.out / "a.safetensors", f"{self.out}/safetensors/", "--to", "tensorflow")
        self.assert_read(self.out / "safetensors" / "model.ckpt", rest)

    def test_shards_that_ingot_writes(self):
        """Several data files, and a model's own folder, which tf.train.latest_checkpoint finds."""
        ingot("convert", MODEL, f"{self.out}/sharded/", "--to", "tensorflow", "--shard-size", "1MB")
        self.assertGreater(len(list((self.out / "sharded").glob("*.data-*"))), 3)
        self.assert_read(self.out / "sharded" / "model.ckpt", load_file(MODEL / "model.safetensors"))
        latest = tf.train.latest_checkpoint(str(self.out / "sharded"))
        self.assertEqual(latest, str(self.out / "sharded" / "model.ckpt"))

    def test_what_a_saver_of_version_1_writes(self):
        """Variables by their names, one or several data files, some of them partitioned."""
        arrays = {name.replace("/", "_"): array for name, array in samples().items()
                  if 0 not in array.shape and "FNUZ" not in name}  # TensorFlow has no constants of these.
        big = np.arange(600, dtype=np.float32).reshape(30, 20)

        def part(shape, dtype=None, partition_info=None):
            return tf.constant(big[tuple(slice(at, at + n) for at, n in zip(partition_info.var_offset, shape))], dtype)

        with tf.Graph().as_default(), v1.Session() as session:
            for name, array in arrays.items():
                v1.get_variable(name, initializer=array, use_resource=True)
            for scope, axis in [("rows", 0), ("columns", 1)]:
                with v1.variable_scope(scope, partitioner=v1.fixed_size_partitioner(4, axis=axis)):
                    v1.get_variable("whole", big.shape, initializer=part, use_resource=True)
            session.run(v1.global_variables_initializer())
            for sharded in (False, True):
                v1.train.Saver(sharded=sharded).save(session, str(self.out / f"saver-{sharded}.ckpt"))
        arrays |= {"rows/whole": big, "columns/whole": big}
        for sharded in (False, True):
            with self.subTest(sharded=sharded):
                prefix = self.out / f"saver-{sharded}.ckpt"
                self.assert_read(prefix, arrays)
                ingot("convert", f"{prefix}.index", f"{self.out}/again-{sharded}/", "--to", "tensorflow")
                self.assert_read(self.out / f"again-{sharded}" / "model.ckpt", arrays)

    def test_what_objects_write(self):
        """tf.train.Checkpoint and Keras: names by the graph of objects, which goes along as bytes."""
        layers = tf.keras.layers
        model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(8), layers.LayerNormalization()])
        step = tf.Variable(7, dtype=tf.int64)
        path = tf.train.Checkpoint(model=model, step=step).save(str(self.out / "objects"))
        theirs = {name: np.asarray(value) for name, value in read(path).items()}
        self.assertEqual(digests(f"{path}.index"), expected(theirs))
        ingot("convert", f"{path}.index", f"{self.out}/ours/", "--to", "tensorflow")
        before = [variable.numpy() for variable in model.variables]
        for variable in model.variables:
            variable.assign(tf.zeros_like(variable))
        step.assign(0)
        # Restored by the graph of objects, from the file that ingot wrote.
        restored = tf.train.Checkpoint(model=model, step=step).read(str(self.out / "ours" / "model.ckpt"))
        restored.assert_existing_objects_matched()
        self.assertEqual(int(step), 7)
        for variable, value in zip(model.variables, before, strict=True):
            self.assertEqual(digest(variable.numpy()), digest(value), variable.path)


if __name__ == "__main__":
    unittest.main()
