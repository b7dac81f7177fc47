# SPDX-License-Identifier: Apache-2.0
"""Text made and measured by transformers and PyTorch, and by ingot: greedy continuations token for token, perplexities by both
kinds of windows, pseudo-perplexities, and a model's distance from another. Run by `make test-peers`; INGOT is the program's
path."""
import json
import pathlib
import unittest

import torch
from architectures import ROOT, ingot, temporary
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

MODEL = ROOT / "fixtures" / "kjv-gpt2"
TEXT = MODEL / "heldout.txt"
MASKED = ROOT / "fixtures" / "masked-text"
COUNT = 200
PROMPTS = ["In the beginning", "And the LORD said unto Moses,", "Blessed are", "Now it came to pass", "The word of",
           "And Jesus answered", "Thou shalt not", "For God so loved", "Praise ye the LORD", "And there was a man",
           "He that", "The children of Israel", "Woe unto", "Let us", "Who is", "Then David", "Behold, I",
           "The wicked", "A wise son", "Amen."]
# Scores in double precision that are nearer than this may be put in either order by single precision.
NEAR = 1e-5


def run_json(*arguments: object) -> dict:
    """What a command prints as JSON."""
    return json.loads(ingot(*arguments, "--json").stdout)


class Generation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tokenizer = AutoTokenizer.from_pretrained(MODEL)
        cls.model = AutoModelForCausalLM.from_pretrained(MODEL).eval()
        cls.double = AutoModelForCausalLM.from_pretrained(MODEL).double().eval()

    def test_greedy_continuations_are_transformers(self):
        for prompt in PROMPTS:
            with self.subTest(prompt):
                ids = self.tokenizer(prompt, return_tensors="pt").input_ids
                with torch.inference_mode():
                    theirs = self.model.generate(ids, max_new_tokens=COUNT, do_sample=False, pad_token_id=0)[0].tolist()
                found = run_json("generate", MODEL, "--prompt", prompt, "--max-tokens", COUNT)
                self.assertEqual(found["prompt_ids"], ids[0].tolist())
                self.compare(theirs, found["prompt_ids"] + found["ids"], len(found["prompt_ids"]))
                self.assertEqual(found["text"], self.tokenizer.decode(found["ids"], skip_special_tokens=True))

    def compare(self, theirs: list[int], ours: list[int], start: int) -> None:
        """Holds ids against each other up to the first difference, which has to be a near one."""
        for place, (expected, token) in enumerate(zip(theirs, ours, strict=False)):
            if expected == token:
                continue
            with torch.inference_mode():
                scores = self.double(torch.tensor([ours[:place]])).logits[0, -1]
            difference = (scores[expected] - scores[token]).abs().item()
            self.assertLess(difference, NEAR, f"token {place - start}: {token} for {expected}")
            print(f"token {place - start}: {token} for {expected}, whose scores are {difference:.1e} apart")
            return
        self.assertEqual(len(theirs), len(ours))

    def test_log_probabilities(self):
        found = run_json("generate", MODEL, "--prompt", PROMPTS[0], "--max-tokens", 20)
        ids = torch.tensor([found["prompt_ids"] + found["ids"]])
        with torch.inference_mode():
            scores = torch.log_softmax(self.double(ids).logits[0], -1)
        start = len(found["prompt_ids"])
        for place, (token, logprob) in enumerate(zip(found["ids"], found["logprobs"], strict=True)):
            self.assertAlmostEqual(scores[start + place - 1, token].item(), logprob, delta=1e-4)


class Measured(unittest.TestCase):
    """Figures held against losses of every token, and distributions of two models."""
    def check(self, found: dict, losses: torch.Tensor) -> None:
        self.assertEqual(found["tokens"], len(losses))
        if "per_token" in found:
            ours = torch.tensor([token["nll"] for token in found["per_token"]], dtype=torch.float64)
            self.assertLess((ours - losses).abs().max().item(), 1e-6)
        mean = losses.mean().item()
        self.assertAlmostEqual(found["nll"], mean, delta=1e-6 * mean)
        self.assertAlmostEqual(found["perplexity"], torch.exp(losses.mean()).item(), delta=1e-6 * found["perplexity"])

    def compare(self, found: dict, x: torch.Tensor, p: torch.Tensor, y: torch.Tensor, q: torch.Tensor) -> None:
        """Losses and distributions of a model, and of the baseline."""
        self.check(found, x)
        places = (torch.exp(q) * (q - p)).sum(-1)
        if "per_token" in found:
            ours = torch.tensor([token["kl"] for token in found["per_token"]], dtype=torch.float64)
            self.assertLess((ours - places).abs().max().item(), 1e-6)
        divergence = places.sort().values
        count = len(divergence)
        for key, value in {"kl": divergence.mean(), "kl_median": divergence[(count + 1) // 2 - 1],
                           "kl_p99": divergence[-(-count * 99 // 100) - 1], "kl_max": divergence[-1],
                           "top1_agreement": (p.argmax(-1) == q.argmax(-1)).double().mean(),
                           "perplexity_difference": torch.exp(x.mean()) - torch.exp(y.mean())}.items():
            self.assertAlmostEqual(found[key], value.item(), delta=1e-6 * max(abs(value.item()), 1e-3), msg=key)
        covariance = torch.cov(torch.stack([x, y])) / count
        slope = torch.stack([torch.exp(x.mean()), -torch.exp(y.mean())])
        error = (slope @ covariance @ slope).sqrt().item()
        self.assertAlmostEqual(found["perplexity_difference_error"], error, delta=1e-6 * error)


class Evaluation(Measured):
    def setUp(self):
        self.tokenizer = AutoTokenizer.from_pretrained(MODEL)
        self.text = TEXT.read_text(encoding="utf-8")[:12_000]
        self.ids = self.tokenizer(self.text, return_tensors="pt").input_ids[0]

    def losses(self, model, windows: list[tuple[int, int, int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """The losses and the distributions of tokens, window by window: from START to END, those behind DONE."""
        losses, rows = [], []
        for start, end, done in windows:
            with torch.inference_mode():
                scores = torch.log_softmax(model(self.ids[None, start:end - 1]).logits[0], -1)
            for place in range(max(done, start + 1), end):
                rows.append(scores[place - 1 - start])
                losses.append(-rows[-1][self.ids[place]])
        return torch.stack(losses), torch.stack(rows)

    def strided(self, context: int, stride: int) -> list[tuple[int, int, int]]:
        """The windows of transformers' page "Perplexity of fixed-length models"."""
        windows, done = [], 0
        for start in range(0, len(self.ids), stride):
            end = min(start + context, len(self.ids))
            windows.append((start, end, done))
            done = end
            if end == len(self.ids):
                break
        return windows

    def test_perplexity(self):
        model = AutoModelForCausalLM.from_pretrained(MODEL).double().eval()
        with temporary() as name:
            path = pathlib.Path(name, "text.txt")
            path.write_text(self.text, encoding="utf-8")
            for stride in (64, 256):
                losses, _ = self.losses(model, self.strided(256, stride))
                found = run_json("eval", MODEL, "--text", path, "--stride", stride, "--precision", "reference", "--per-token")
                self.check(found, losses)
            consecutive = [(start, min(start + 257, len(self.ids)), start) for start in range(0, len(self.ids) - 1, 256)]
            losses, _ = self.losses(model, consecutive)
            found = run_json("eval", MODEL, "--text", path, "--precision", "reference")
            self.check(found, losses)
            # All bytes but those of the first token.
            count = len(self.text.encode()) - len(self.tokenizer.decode(self.ids[:1]).encode())
            self.assertEqual(found["bytes"], count)
            bits = losses.sum().item() / torch.log(torch.tensor(2.0, dtype=torch.float64)).item() / count
            self.assertAlmostEqual(found["bits_per_byte"], bits, delta=1e-6 * bits)

    def test_distance_from_another(self):
        with temporary() as name:
            path, other = pathlib.Path(name, "text.txt"), pathlib.Path(name, "int8")
            path.write_text(self.text[:6_000], encoding="utf-8")
            self.ids = self.tokenizer(self.text[:6_000], return_tensors="pt").input_ids[0]
            ingot("convert", MODEL, f"{other}/", "--dtype", "bf16", "--for", "transformers")
            models = [AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).double().eval()
                      for folder in (other, MODEL)]
            found = run_json("eval", other, "--text", path, "--against", MODEL, "--stride", 128, "--precision", "reference",
                             "--per-token")
            (x, p), (y, q) = (self.losses(model, self.strided(256, 128)) for model in models)
            self.compare(found, x, p, y, q)


class MaskedEvaluation(Measured):
    """Salazar et al., "Masked Language Model Scoring": each token of a window in turn is the mask."""

    def setUp(self):
        self.tokenizer = AutoTokenizer.from_pretrained(MASKED)
        self.text = TEXT.read_text(encoding="utf-8")[:700] + " \u00a7 [SEP] [MASK] Amen."
        self.ids = self.tokenizer(self.text, add_special_tokens=False).input_ids

    def losses(self, model) -> tuple[torch.Tensor, torch.Tensor]:
        losses, rows = [], []
        length = model.config.max_position_embeddings - 2
        for start in range(0, len(self.ids), length):
            window = self.ids[start:start + length]
            row = torch.tensor([self.tokenizer.cls_token_id, *window, self.tokenizer.sep_token_id])
            places = [place + 1 for place, token in enumerate(window) if token not in self.tokenizer.all_special_ids]
            copies = row.repeat(len(places), 1)
            for copy, place in zip(copies, places, strict=True):
                copy[place] = self.tokenizer.mask_token_id
            with torch.inference_mode():
                logits = model(copies).logits
            for index, place in enumerate(places):
                rows.append(torch.log_softmax(logits[index, place], -1))
                losses.append(-rows[-1][row[place]])
        return torch.stack(losses), torch.stack(rows)

    def test_pseudo_perplexity_and_distance(self):
        with temporary() as name:
            path, other = pathlib.Path(name, "text.txt"), pathlib.Path(name, "bf16")
            path.write_text(self.text, encoding="utf-8")
            ingot("convert", MASKED, f"{other}/", "--dtype", "bf16", "--for", "transformers")
            models = [AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).double().eval()
                      for folder in (other, MASKED)]
            (x, p), (y, q) = (self.losses(model) for model in models)
            found = run_json("eval", other, "--text", path, "--against", MASKED, "--precision", "reference", "--per-token")
            self.compare(found, x, p, y, q)
            self.assertEqual(found["kind"], "pseudo-log-likelihood")
            ids = ",".join(map(str, self.tokenizer(self.text).input_ids))
            again = run_json("eval", other, "--tokens", ids, "--against", MASKED, "--precision", "reference", "--per-token")
            self.compare(again, x, p, y, q)


class Tasks(unittest.TestCase):
    """Choices and last words as transformers scores them in double precision."""

    @classmethod
    def setUpClass(cls):
        cls.tokenizer = AutoTokenizer.from_pretrained(MODEL)
        cls.double = AutoModelForCausalLM.from_pretrained(MODEL).double().eval()

    def score(self, prompt: str, text: str) -> float:
        """The summed log-likelihood of the tokens that reach beyond the prompt."""
        encoding = self.tokenizer(prompt + text, return_offsets_mapping=True, return_tensors="pt")
        ids, ends = encoding.input_ids[0], encoding.offset_mapping[0, :, 1]
        with torch.inference_mode():
            rows = torch.log_softmax(self.double(ids[None]).logits[0], -1)
        return sum(rows[place - 1, ids[place]].item() for place in range(len(ids)) if ends[place] > len(prompt))

    def test_choices_in_a_gap(self):
        task = ROOT / "fixtures" / "zero-shot" / "cloze.jsonl"
        found = run_json("zero-shot", MODEL, "--task", task, "--template", "childrens-books")["items"]
        items = [json.loads(line) for line in task.read_text(encoding="utf-8").splitlines()]
        self.assertEqual(len(found), len(items))
        for line, item in list(zip(found, items, strict=True))[::5]:
            before, after = f"{item['context']}\n{item['question']}".split("XXXXX")
            theirs = [self.score(before, choice + after) for choice in item["choices"]]
            for ours, score in zip(line["scores"], theirs, strict=True):
                self.assertAlmostEqual(ours, score, delta=1e-4)
            self.assertEqual(line["choice"], theirs.index(max(theirs)))

    def test_spaces_between_prompt_and_choice(self):
        with temporary() as name:
            task = pathlib.Path(name) / "task.jsonl"
            items = [("And the LORD said unto", " Moses"), ("And the LORD said unto ", "Moses"), ("And the LORD", " said unto"),
                     ("In the begin", "ning")]
            task.write_text("".join(json.dumps({"prompt": prompt, "expected": text}) + "\n" for prompt, text in items))
            found = run_json("zero-shot", MODEL, "--task", task)["items"]
            for line, (prompt, text) in zip(found, items, strict=True):
                # Offsets leave out a token's space: the choice begins where its first visible character does.
                self.assertAlmostEqual(line["scores"][0], self.score(prompt.rstrip(), (prompt + text)[len(prompt.rstrip()):]), delta=1e-4)
