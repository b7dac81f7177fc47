# SPDX-License-Identifier: Apache-2.0
"""int8 for transformers: folders that `ingot quantize --for transformers` writes, loaded with the library compressed-tensors on a
processor. Run by `make test-peers`; INGOT is the program's path.

Weights alone compute what the numbers that they stand for do, to the bit. With activations in int8 the library's arithmetic is
done once more by hand, to the bit, and vLLM's, whose scales are over 127 and not 127.5, against ingot's own `--precision w8a8`.
"""
import json
import pathlib
import unittest

import numpy as np
import torch
import transformers
from architectures import ROOT, ingot, temporary
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationConfig
from safetensors.torch import load_file

# A model of each architecture whose weights transformers has in Linear, with heads, tied and not, and without.
MODELS = ("llama/multi-head", "llama/grouped-tied", "llama/bare", "llama/biases-heads-of-12", "llama/sequence-classification",
          "mistral/window", "qwen2/grouped", "qwen2/tied", "qwen3/biases", "smollm3/every-fourth", "gemma/biases",
          "gemma2/attention-cap", "gemma3_text/biases", "phi3/grouped", "gpt_neox/activation-relu", "gpt_neox/bare",
          "opt/before", "bert/masked-lm", "bert/pre-training")
LLAMA = ROOT / "fixtures" / "llama" / "multi-head"
# Schemes, alone and by rules; what the library calls their format.
SCHEMES = {
    ("--scheme", "int8"): "pack-quantized",
    ("--scheme", "w8a8"): "int-quantized",
    ("--scheme", "int8-group:16", "--rule", "*down_proj*=int8"): "pack-quantized",
    ("--scheme", "int8-group:32", "--rule", "*down_proj*=keep", "--rule", "*.0.self_attn.q_proj*=keep"): "pack-quantized",
    ("--scheme", "w8a8", "--rule", "*self_attn*=int8", "--rule", "*up_proj*=int8-group:32"): "mixed-precision",
}
# Of a logit over the largest, of single precision.
SINGLY = 5e-6


def ids(size: int) -> torch.Tensor:
    """Tokens that go up and down."""
    return torch.tensor([[(7 * place * place + 3 * place + 5) % size for place in range(12)]])


def load(folder: pathlib.Path, dtype: torch.dtype | None = None) -> transformers.PreTrainedModel:
    """A folder in the class that it names; nothing of it is left over or made up."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    head = getattr(transformers, config["architectures"][0])
    model, found = head.from_pretrained(folder, output_loading_info=True, **({"dtype": dtype} if dtype else {}))
    wrong = {key: value for key, value in found.items() if key in ("missing_keys", "unexpected_keys", "mismatched_keys") and value}
    if wrong:
        raise AssertionError(f"{folder}: {wrong}")
    return model.eval()


def output(model: transformers.PreTrainedModel) -> torch.Tensor:
    """The first output of some tokens, in double precision."""
    with torch.no_grad():
        return model(ids(model.config.vocab_size))[0].double()


def quantized(model: pathlib.Path, name: str, *arguments: str) -> tuple[pathlib.Path, pathlib.Path]:
    """A model for transformers, and as the numbers that its weights stand for."""
    folder, numbers = pathlib.Path(name, "int8"), pathlib.Path(name, "numbers")
    ingot("quantize", model, folder, "--for", "transformers", *arguments, "--force")
    ingot("convert", folder, f"{numbers}/", "--dtype", "f32", "--force")
    return folder, numbers


def with_int8_inputs(model: transformers.PreTrainedModel, divisor: float) -> transformers.PreTrainedModel:
    """A model whose linear layers, but for the head, get inputs rounded to int8 token by token."""
    def rounded(_: torch.nn.Module, inputs: tuple) -> tuple:
        scale = inputs[0].abs().amax(-1, keepdim=True) / divisor
        return (torch.clamp(torch.round(inputs[0] / scale), -128, 127) * scale,)

    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear) and name != "lm_head":
            layer.register_forward_pre_hook(rounded)
    return model


class Folders(unittest.TestCase):
    def test_weights_alone_compute_what_they_stand_for(self):
        for model in MODELS:
            with self.subTest(model), temporary() as name:
                folder, numbers = quantized(ROOT / "fixtures" / model, name, "--scheme", "int8")
                self.assertTrue(torch.equal(output(load(folder)), output(load(numbers, torch.float32))))

    def test_schemes_mix_and_every_weight_is_the_number_it_stands_for(self):
        for dtype in ("f32", "bf16", "f16"):
            for scheme, form in SCHEMES.items():
                with self.subTest(f"{dtype} {scheme}"), temporary() as name:
                    ingot("convert", LLAMA, f"{name}/model/", "--dtype", dtype)
                    source = pathlib.Path(name, "model") if "g32" not in scheme[1] else LLAMA
                    folder, numbers = quantized(source, name, *scheme)
                    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))["quantization_config"]
                    self.assertEqual(config["format"], form)
                    QuantizationConfig.model_validate(config)
                    model = load(folder)
                    output(model)  # Packed weights are unpacked where they are used.
                    plain = load_file(numbers / "model.safetensors")
                    found = dict(model.named_parameters())
                    for key, value in plain.items():
                        self.assertTrue(torch.equal(found[key].detach(), value.to(found[key].dtype)), key)

    def test_packed_bytes_are_the_compressor_s(self):
        """A weight that the library unpacks and packs again has the same tensors."""
        for scheme in (("--scheme", "int8"), ("--scheme", "w8a8")):
            with self.subTest(scheme), temporary() as name:
                folder, _ = quantized(LLAMA, name, *scheme)
                config = json.loads((folder / "config.json").read_text(encoding="utf-8"))["quantization_config"]
                kind = QuantizationConfig.model_validate(config).config_groups["group_0"]
                compressor = BaseCompressor.get_value_from_registry(config["format"])
                tensors = load_file(folder / "model.safetensors")
                layers = {key.removesuffix(".weight_scale") for key in tensors if key.endswith(".weight_scale")}
                self.assertEqual(len(layers), 14)
                for layer in layers:
                    state = {key.removeprefix(layer + "."): value for key, value in tensors.items()
                             if key.startswith(layer + ".")}
                    again = compressor.compress(compressor.decompress(dict(state), kind), kind)
                    self.assertEqual(set(again), set(state))
                    for key, value in state.items():
                        self.assertTrue(torch.equal(again[key], value), f"{layer}.{key}")

    def test_int8_activations(self):
        for model in ("llama/multi-head", "qwen2/grouped", "mistral/window"):
            with self.subTest(model), temporary() as name:
                source = ROOT / "fixtures" / model
                folder, numbers = quantized(source, name, "--scheme", "w8a8")
                library = output(load(folder, torch.float32))
                self.assertTrue(torch.equal(library, output(with_int8_inputs(load(numbers, torch.float32), 127.5))))
                ingot("quantize", source, f"{name}/int8.ingot", "--rule", "*embed_tokens*=keep", "--rule", "lm_head*=keep")
                np.save(f"{name}/ids.npy", ids(load(numbers).config.vocab_size).numpy())
                ingot("record", f"{name}/int8.ingot", "--tokens", f"{name}/ids.npy", "--precision", "w8a8",
                      "-o", f"{name}/out.npz")
                own = np.load(f"{name}/out.npz")["logits"]
                exact = output(with_int8_inputs(load(numbers, torch.float64), 127)).numpy()
                self.assertLess(np.abs(own - exact).max() / np.abs(exact).max(), SINGLY)


if __name__ == "__main__":
    unittest.main()
