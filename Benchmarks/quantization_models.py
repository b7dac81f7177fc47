# SPDX-License-Identifier: Apache-2.0
"""Models that quantization is judged on, run by transformers in F32: language models by the divergence of their
probabilities, BERT by the angle between its embeddings.
"""
from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

from linear_layers import with_linear_layers

# Tokens of a passage of BERT's, its marks included.
PASSAGE = 64
# Figures of a method, by name.
Figures = dict[str, float]
# Logits `[T, V]`, or hidden states `[T, C]`, of ids `[T]`.
Forward = Callable[[np.ndarray], np.ndarray]


class Model:
    """A folder as transformers saves it, and a text's tokens cut into windows `[B, T]`."""

    def __init__(self, folder: pathlib.Path, text: str, tokens: int):
        self.folder = folder
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.is_bert = self.config["model_type"] == "bert"
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        ids = self.encode(text)
        if self.is_bert:
            length = PASSAGE - 2
            count = min(tokens, len(ids)) // length
            inside = ids[: count * length].reshape(count, length)
            first, last = (np.full((count, 1), mark, np.int32)
                           for mark in (self.tokenizer.cls_token_id, self.tokenizer.sep_token_id))
            self.windows = np.concatenate([first, inside, last], axis=1)
            self.scored = ids[: count * length]
        else:
            context = self.config.get("n_positions") or self.config["max_position_embeddings"]
            length = min(context, tokens, len(ids) - 1)
            count = min(tokens, len(ids) - 1) // length
            self.windows = ids[: count * length].reshape(count, length)
            # Each token but the first is predicted once, as `ingot eval` does it.
            self.scored = ids[: count * length + 1]
            self.targets = ids[1: count * length + 1].reshape(count, length)
        self.network = self.load(folder)
        self.originals = {name: weight.detach().numpy().copy()
                          for name, weight in self.matrices(self.network, with_embedding=True).items()}
        found = map(self.forward(self.network), self.windows)
        self.expected = [embedding_of(hidden) if self.is_bert else hidden for hidden in found]
        self.tokens = count * length

    def encode(self, text: str) -> np.ndarray:
        """A text's ids, without marks."""
        return np.array(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int32)

    def calibrate_with(self, text: str, tokens: int) -> None:
        """Cuts a text into windows `[B, T]` for peers that calibrate."""
        length = self.windows.shape[1]
        count = max(min(tokens, len(ids := self.encode(text))) // length, 1)
        self.calibration = ids[: count * length].reshape(count, length)

    def load(self, folder: pathlib.Path) -> torch.nn.Module:
        """The model of a folder in F32, each of its weights `[out, in]`."""
        kind = AutoModel if self.is_bert else AutoModelForCausalLM
        network = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        return with_linear_layers(network)

    def matrices(self, network: torch.nn.Module, with_embedding: bool) -> dict[str, torch.nn.Parameter]:
        """What is quantized by name, `[out, in]`: linear layers of blocks, and the token embedding and a head of its own."""
        embedding = network.get_input_embeddings()
        head = network.get_output_embeddings()
        found = {f"{name}.weight": layer.weight for name, layer in network.named_modules()
                 if isinstance(layer, torch.nn.Linear) and layer is not head}
        if with_embedding:
            found["embedding"] = embedding.weight
            if head is not None and head.weight is not embedding.weight:
                found["head"] = head.weight
        return found

    def with_values(self, values: dict[str, np.ndarray]) -> Forward:
        """The model with other values of matrices; the others are as they were."""
        for name, weight in self.matrices(self.network, with_embedding=True).items():
            weight.data = torch.from_numpy(np.array(values.get(name, self.originals[name]), np.float32, order="C"))
        return self.forward(self.network)

    def values(self, with_embedding: bool) -> dict[str, np.ndarray]:
        """The model's own matrices."""
        return {name: self.originals[name] for name in self.matrices(self.network, with_embedding)}

    def forward(self, network: torch.nn.Module) -> Forward:
        """What transformers computes."""
        def run(ids: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                inputs = torch.from_numpy(ids.astype(np.int64))[None]
                if self.is_bert:
                    return network(inputs).last_hidden_state[0].numpy()
                return network(inputs, use_cache=False).logits[0].numpy()
        return run

    def measure(self, forward: Forward) -> Figures:
        """How far answers are from those in F32."""
        return self.measure_all(forward(ids) for ids in self.windows)

    def measure_all(self, found: Iterable[np.ndarray]) -> Figures:
        """The same of answers to all windows."""
        if self.is_bert:
            return cosines(np.stack([embedding_of(hidden) for hidden in found]), np.stack(self.expected))
        return self.divergence(found)

    def divergence(self, found: Iterable[np.ndarray]) -> Figures:
        """KL of the F32 model's probabilities to those found, in nats a token, and perplexities."""
        divergences, losses, before, agree = [], [], [], []
        for logits, expected, targets in rows(zip(found, self.expected, self.targets)):
            p, q = log_softmax(expected), log_softmax(logits)
            divergences.append((p.exp() * (p - q)).sum(-1).numpy())
            places = torch.arange(len(targets)), torch.from_numpy(targets.astype(np.int64))
            losses.append(-q[places].numpy())
            before.append(-p[places].numpy())
            agree.append(expected.argmax(-1) == logits.argmax(-1))
        kl, perplexity = np.concatenate(divergences), float(np.exp(np.mean(losses)))
        return {"kl": float(kl.mean()), "kl_p99": float(np.quantile(kl, 0.99)), "perplexity": perplexity,
                "perplexity_change": perplexity / float(np.exp(np.mean(before))) - 1,
                "top1_agreement": float(np.mean(np.concatenate(agree)))}


def rows(windows: Iterable[tuple[np.ndarray, ...]]) -> Iterator[tuple[np.ndarray, ...]]:
    """Arrays of windows `[T, …]` in pieces, since probabilities of a large vocabulary in float64 take much room."""
    for arrays in windows:
        for start in range(0, len(arrays[0]), 64):
            yield tuple(array[start: start + 64] for array in arrays)


def log_softmax(logits: np.ndarray) -> torch.Tensor:
    """Logarithms of probabilities, in float64."""
    return torch.from_numpy(np.ascontiguousarray(logits)).double().log_softmax(-1)


def embedding_of(hidden: np.ndarray) -> np.ndarray:
    """The mean over a passage's tokens `[T, C]`, of length 1, as all-MiniLM-L6-v2 has it."""
    mean = hidden.astype(np.float64).mean(0)
    return mean / np.linalg.norm(mean)


def cosines(found: np.ndarray, expected: np.ndarray) -> Figures:
    """The cosine of the angle between embeddings `[B, C]`, in the mean and at the least."""
    cosine = (found * expected).sum(-1)
    return {"cosine": float(cosine.mean()), "least_cosine": float(cosine.min())}
