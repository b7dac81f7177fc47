# SPDX-License-Identifier: Apache-2.0
"""One peer of Benchmarks/forward.py in a process of its own, so that no peer's waiting threads disturb another's run.

usage: python3 Benchmarks/forward_peer.py PEER KIND FOLDER THREADS
Reads lines `prefill TOKENS all|last` and `decode PROMPT COUNT` and answers each with seconds, or with `none` for what
the peer does not do. KIND is f32, bf16 or int8; FOLDER holds GPT-2 as transformers saves it.
"""
import os
import pathlib
import sys
import time

import numpy as np


def ids(count, vocabulary):
    """The same ids that RuntimeBenchmark takes."""
    return [(i * 7919 + 13) % vocabulary for i in range(count)]


class Torch:
    """transformers' model, eager."""

    def __init__(self, kind, folder, threads):
        import torch
        from transformers import GPT2LMHeadModel

        if kind == "int8":
            raise SystemExit("none")
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.torch = torch
        self.model = GPT2LMHeadModel.from_pretrained(
            folder, dtype=torch.bfloat16 if kind == "bf16" else torch.float32, attn_implementation="sdpa").eval()
        self.vocabulary = self.model.config.vocab_size

    def prefill(self, count, last):
        x = self.torch.tensor([ids(count, self.vocabulary)])
        return self.model(x, use_cache=False, logits_to_keep=1 if last else 0).logits[0, -1].float().numpy()

    def decode(self, prompt, count):
        tokens = ids(prompt + count, self.vocabulary)
        past = self.model(self.torch.tensor([tokens[:prompt]]), use_cache=True, logits_to_keep=1).past_key_values
        start = time.perf_counter()
        for token in tokens[prompt:]:
            past = self.model(self.torch.tensor([[token]]), past_key_values=past, use_cache=True).past_key_values
        return time.perf_counter() - start


def traced(folder):
    """The model as a function of ids to all logits, without a cache, in operators that every exporter knows."""
    import json

    import torch
    from safetensors.torch import load_file
    from torch.nn import functional

    config = json.loads((pathlib.Path(folder) / "config.json").read_text(encoding="utf-8"))

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            tensors = load_file(pathlib.Path(folder) / "model.safetensors")
            for name, tensor in tensors.items():
                self.register_buffer(name.removeprefix("transformer.").replace(".", "_"), tensor)

        def norm(self, x, name):
            gain, bias = getattr(self, name + "_weight"), getattr(self, name + "_bias")
            return functional.layer_norm(x, (config["n_embd"],), gain, bias)

        def linear(self, x, name):
            return x @ getattr(self, name + "_weight") + getattr(self, name + "_bias")

        def forward(self, x):
            h = self.wte_weight[x] + self.wpe_weight[: x.shape[1]]
            heads, width = config["n_head"], config["n_embd"]
            for block in range(config["n_layer"]):
                name = f"h_{block}_"
                qkv = self.linear(self.norm(h, name + "ln_1"), name + "attn_c_attn")
                q, k, v = (t.reshape(1, -1, heads, width // heads).transpose(1, 2) for t in qkv.split(width, -1))
                mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
                h = h + self.linear(mixed.transpose(1, 2).reshape(1, -1, width), name + "attn_c_proj")
                wide = functional.gelu(self.linear(self.norm(h, name + "ln_2"), name + "mlp_c_fc"), approximate="tanh")
                h = h + self.linear(wide, name + "mlp_c_proj")
            return self.norm(h, "ln_f") @ self.wte_weight.T

    return Logits().eval()


class OpenVINO:
    """OpenVINO's CPU plugin over the traced model."""

    def __init__(self, kind, folder, threads):
        import openvino
        import torch

        if kind == "int8":
            raise SystemExit("none")
        with torch.no_grad():
            model = openvino.convert_model(traced(folder), example_input=torch.zeros(1, 8, dtype=torch.int64))
        settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": kind, "PERFORMANCE_HINT": "LATENCY"}
        self.request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

    def prefill(self, count, last):
        if last:
            return None
        result = self.request.infer([np.array([ids(count, 50257)])], share_outputs=True)
        return result[0][0, -1]

    def decode(self, prompt, count):
        return None


class ONNXRuntime:
    """ONNX Runtime over an export; int8 by its dynamic quantization."""

    def __init__(self, kind, folder, threads):
        import onnxruntime
        import torch

        if kind == "bf16":
            raise SystemExit("none")
        path = str(pathlib.Path(folder) / "peer.onnx")
        with torch.no_grad():
            torch.onnx.export(
                traced(folder), (torch.zeros(1, 8, dtype=torch.int64),), path, input_names=["x"], output_names=["y"],
                dynamic_axes={"x": {1: "t"}, "y": {1: "t"}}, dynamo=False)
        if kind == "int8":
            from onnxruntime.quantization import QuantType, quantize_dynamic

            quantize_dynamic(path, path + ".int8.onnx", weight_type=QuantType.QInt8, per_channel=True)
            path += ".int8.onnx"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def prefill(self, count, last):
        if last:
            return None
        return self.session.run(["y"], {"x": np.array([ids(count, 50257)])})[0][0, -1]

    def decode(self, prompt, count):
        return None


class CTranslate2:
    """CTranslate2's generator."""

    def __init__(self, kind, folder, threads):
        import ctranslate2
        from ctranslate2.converters import TransformersConverter

        if kind == "bf16":
            raise SystemExit("none")
        path = str(pathlib.Path(folder) / f"ct2-{kind}")
        if not os.path.isdir(path):
            source = self.with_vocabulary(folder)
            TransformersConverter(source).convert(path, quantization=None if kind == "f32" else "int8")
        self.model = ctranslate2.Generator(path, device="cpu", intra_threads=threads, inter_threads=1)

    @staticmethod
    def with_vocabulary(folder):
        """The folder with a made-up vocabulary, which the converter asks for."""
        import json

        source = pathlib.Path(folder) / "ct2-source"
        source.mkdir(exist_ok=True)
        for name in ["config.json", "model.safetensors"]:
            if not (source / name).exists():
                (source / name).symlink_to((pathlib.Path(folder) / name).resolve())
        (source / "vocab.json").write_text(json.dumps({f"t{i}": i for i in range(50257)}), encoding="utf-8")
        (source / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
        settings = {"tokenizer_class": "GPT2Tokenizer", "unk_token": "t0", "bos_token": "t0", "eos_token": "t0"}
        (source / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
        return str(source)

    def prefill(self, count, last):
        if last:
            return None
        return np.array(self.model.forward_batch([ids(count, 50257)]))[0, -1]

    def decode(self, prompt, count):
        words = [f"t{i}" for i in ids(prompt, 50257)]
        times = []
        for length in (1, count + 1):
            start = time.perf_counter()
            self.model.generate_batch([words], min_length=length, max_length=length, include_prompt_in_result=False)
            times.append(time.perf_counter() - start)
        return times[1] - times[0]


def write_gguf(path, folder, kind):
    """GPT-2 as llama.cpp names it, without a vocabulary; int8 is Q8_0."""
    import json

    import gguf
    from safetensors.numpy import load_file

    config = json.loads((pathlib.Path(folder) / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(path, "gpt2")
    width = config["n_embd"]
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(width)
    writer.add_block_count(config["n_layer"])
    writer.add_feed_forward_length(4 * width)
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    names = {"ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
             "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
    whole = {"wte.weight": "token_embd.weight", "wpe.weight": "position_embd.weight",
             "ln_f.weight": "output_norm.weight", "ln_f.bias": "output_norm.bias"}
    target = {"f32": gguf.GGMLQuantizationType.F32, "bf16": gguf.GGMLQuantizationType.BF16,
              "int8": gguf.GGMLQuantizationType.Q8_0}[kind]
    for name, tensor in load_file(pathlib.Path(folder) / "model.safetensors").items():
        name = name.removeprefix("transformer.")
        if name in whole:
            new = whole[name]
        else:
            _, block, rest = name.split(".", 2)
            layer, part = rest.rsplit(".", 1)
            new = f"blk.{block}.{names[layer]}.{part}"
            if tensor.ndim == 2:
                tensor = np.ascontiguousarray(tensor.T)
        if tensor.ndim == 2 and name != "wpe.weight":
            writer.add_tensor(new, gguf.quants.quantize(tensor, target), raw_dtype=target)
        else:
            writer.add_tensor(new, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class LlamaCpp:
    """llama.cpp through llama-cpp-python's bindings; it gives the last token's logits."""

    def __init__(self, kind, folder, threads):
        import llama_cpp

        self.c = llama_cpp
        path = str(pathlib.Path(folder) / f"peer-{kind}.gguf")
        if not os.path.exists(path):
            write_gguf(path, folder, kind)
        llama_cpp.llama_backend_init()
        self.log = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self.log, None)
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = settings.n_batch = settings.n_ubatch = 1024
        settings.n_threads = settings.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, settings)

    def clear(self):
        self.c.llama_memory_clear(self.c.llama_get_memory(self.context), True)

    def feed(self, tokens):
        array = (self.c.llama_token * len(tokens))(*tokens)
        if self.c.llama_decode(self.context, self.c.llama_batch_get_one(array, len(tokens))) != 0:
            raise RuntimeError("llama_decode")
        return self.c.llama_get_logits_ith(self.context, -1)

    def prefill(self, count, last):
        if not last:
            return None
        self.clear()
        return np.ctypeslib.as_array(self.feed(ids(count, 50257)), shape=(50257,)).copy()

    def decode(self, prompt, count):
        self.clear()
        tokens = ids(prompt + count, 50257)
        self.feed(tokens[:prompt])
        start = time.perf_counter()
        for token in tokens[prompt:]:
            self.feed([token])
        return time.perf_counter() - start


PEERS = {"torch": Torch, "openvino": OpenVINO, "onnxruntime": ONNXRuntime, "ctranslate2": CTranslate2,
         "llama.cpp": LlamaCpp}


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    name, kind, folder, threads = sys.argv[1:5]
    peer = PEERS[name](kind, folder, int(threads))
    print("ready", file=answers)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "decode":
            seconds = peer.decode(int(words[1]), int(words[2]))
        else:
            start = time.perf_counter()
            seconds = None if peer.prefill(int(words[1]), words[2] == "last") is None else time.perf_counter() - start
        print("none" if seconds is None else seconds, file=answers)


if __name__ == "__main__":
    main()
