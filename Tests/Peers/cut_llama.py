#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cuts a Llama of transformers for Meta's code by NumPy alone, and compares what each file of a set holds, bit by bit.

usage: cut_llama.py HF-FOLDER SET-FOLDER COUNT rows|columns

Names, order of rows and cuts are typed in here from meta-llama/llama `llama/model.py` (ColumnParallelLinear,
RowParallelLinear, ParallelEmbedding) and meta-llama/llama3 `llama/model.py` (VocabParallelEmbedding). The files' pickles
are run with three globals, as torch.load(weights_only=True) allows them.
"""
import collections
import json
import pathlib
import pickle
import struct
import sys
import zipfile

import numpy as np

TOPS = {"model.embed_tokens": "tok_embeddings", "model.norm": "norm", "lm_head": "output"}
PARTS = {"self_attn.q_proj": "attention.wq", "self_attn.k_proj": "attention.wk", "self_attn.v_proj": "attention.wv",
         "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1", "mlp.down_proj": "feed_forward.w2",
         "mlp.up_proj": "feed_forward.w3", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm"}
BY_OUTPUT = {"wq", "wk", "wv", "w1", "w3", "output"}
BY_INPUT = {"wo", "w2"}
# Elements are compared as bits.
WIDTHS = {"F32": np.uint32, "F16": np.uint16, "BF16": np.uint16}
STORAGES = {"FloatStorage": np.uint32, "HalfStorage": np.uint16, "BFloat16Storage": np.uint16}


def whole_tensors(folder):
    """The tensors of a safetensors file, by transformers' names."""
    content = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        yield name, np.frombuffer(content[start:end], WIDTHS[entry["dtype"]]).reshape(entry["shape"])


def side_by_side(rows, heads):
    """Rows i and i + E / 2 of each head one after the other."""
    size = len(rows) // heads
    order = [head * size + half * size // 2 + pair
             for head in range(heads) for pair in range(size // 2) for half in range(2)]
    return rows[order]


def piece(kind, value, config, index, count, embedding):
    """What one file has of a tensor."""
    heads = config["num_attention_heads"]
    keys = config.get("num_key_value_heads", heads)
    if kind in ("wq", "wk"):
        value = side_by_side(value, heads if kind == "wq" else keys)
    if kind in ("wk", "wv") and keys < count:
        size = len(value) // keys
        head = index * keys // count
        return value[head * size:(head + 1) * size]
    if kind in BY_OUTPUT or kind == "tok_embeddings" and embedding == "rows":
        return np.split(value, count, 0)[index]
    if kind in BY_INPUT or kind == "tok_embeddings":
        return np.split(value, count, 1)[index]
    return value


class Reader(pickle.Unpickler):
    """A pickle of torch's with arrays of bits for its tensors."""

    def __init__(self, archive):
        super().__init__(archive.open("archive/data.pkl"))
        self.archive = archive

    def find_class(self, module, name):
        """The three globals."""
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self.tensor
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        assert module == "torch" and name in STORAGES, f"{module}.{name}"
        return STORAGES[name]

    def persistent_load(self, pid):
        """A storage."""
        kind, dtype, key, device, count = pid
        assert (kind, device) == ("storage", "cpu"), pid
        values = np.frombuffer(self.archive.read(f"archive/data/{key}"), dtype)
        assert len(values) == count, pid
        return values

    @staticmethod
    def tensor(storage, offset, shape, stride, *_):
        """A tensor, which is all of its storage in C order."""
        assert offset == 0 and len(storage) == np.prod(shape), (offset, shape)
        array = storage.reshape(shape)
        assert tuple(step * array.itemsize for step in stride) == array.strides, (shape, stride)
        return array


def main():
    """Compares all files."""
    hf, cut = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    count, embedding = int(sys.argv[3]), sys.argv[4]
    config = json.loads((hf / "config.json").read_text())
    names = [f"consolidated.{index:02}.pth" for index in range(count)]
    assert sorted(path.name for path in cut.glob("*.pth")) == names
    for index, name in enumerate(names):
        with zipfile.ZipFile(cut / name) as archive:
            found = Reader(archive).load()
        seen = set()
        for source, value in whole_tensors(hf):
            path = source.removesuffix(".weight")
            layer, _, part = path.removeprefix("model.layers.").partition(".")
            target = TOPS[path] if path in TOPS else f"layers.{layer}.{PARTS[part]}"
            wanted = piece(target.split(".")[-1], value, config, index, count, embedding)
            got = found[f"{target}.weight"]
            assert got.shape == wanted.shape and np.array_equal(got, wanted), f"{name}: {target}"
            seen.add(f"{target}.weight")
        assert found.keys() == seen, f"{name}: {found.keys() ^ seen}"
    parameters = json.loads((cut / "params.json").read_text())
    assert parameters["dim"] == config["hidden_size"], parameters


if __name__ == "__main__":
    main()
