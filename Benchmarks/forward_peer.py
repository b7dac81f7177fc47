# SPDX-License-Identifier: Apache-2.0
"""One peer of the forward passes in a process of its own, so that no peer's waiting threads disturb another's run.

usage: python3 Benchmarks/forward_peer.py PEER KIND FOLDER THREADS [LINE]
Reads lines, or takes the one that is given, and answers each with seconds, or with `none` for what the peer doesn't do:
    prefill TOKENS all|last      decode PROMPT COUNT      logits ID,ID,… FILE (of every token, `[T, V]`, as f32 in C order)
KIND is f32, bf16, int8, or f64 for the reference; FOLDER holds GPT-2 as transformers saves it, and gets what a peer makes
of it.
"""
import json
import os
import pathlib
import sys
import time

import numpy as np


class Peer:
    """A model in a library. `run` gives logits of all tokens or of the last, `None` where the library has no way to that."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        self.vocabulary = self.config["vocab_size"]

    def ids(self, count):
        """The same ids that RuntimeBenchmark takes."""
        return [(i * 7919 + 13) % self.vocabulary for i in range(count)]

    def run(self, ids, last):
        raise NotImplementedError

    def decode(self, prompt, count):
        """Seconds for single tokens behind a prompt."""
        return None


class Torch(Peer):
    """transformers' model, eager."""

    def __init__(self, kind, folder, threads):
        super().__init__(folder)
        import torch
        from transformers import GPT2LMHeadModel

        types = {"f32": torch.float32, "bf16": torch.bfloat16, "f64": torch.float64}
        if kind not in types:
            raise SystemExit("none")
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.torch = torch
        self.model = GPT2LMHeadModel.from_pretrained(folder, dtype=types[kind], attn_implementation="sdpa").eval()

    def run(self, ids, last):
        return self.model(self.torch.tensor([ids]), use_cache=False, logits_to_keep=1 if last else 0).logits[0]

    def decode(self, prompt, count):
        tokens = self.ids(prompt + count)
        past = self.model(self.torch.tensor([tokens[:prompt]]), use_cache=True, logits_to_keep=1).past_key_values
        start = time.perf_counter()
        for token in tokens[prompt:]:
            past = self.model(self.torch.tensor([[token]]), past_key_values=past, use_cache=True).past_key_values
        return time.perf_counter() - start


def traced(folder):
    """The model as a function of ids to all logits, without a cache, in operators that every exporter knows."""
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


class OpenVINO(Peer):
    """OpenVINO's CPU plugin over the traced model."""

    def __init__(self, kind, folder, threads):
        super().__init__(folder)
        import openvino

        if kind not in ("f32", "bf16"):
            raise SystemExit("none")
        path = self.folder / "peer.xml"
        if not path.exists():
            import torch

            with torch.no_grad():
                model = openvino.convert_model(traced(folder), example_input=torch.zeros(1, 8, dtype=torch.int64))
            openvino.save_model(model, path, compress_to_fp16=False)
        settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": kind, "PERFORMANCE_HINT": "LATENCY"}
        core = openvino.Core()
        self.request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()

    def run(self, ids, last):
        return None if last else self.request.infer([np.array([ids])], share_outputs=True)[0][0]


class ONNXRuntime(Peer):
    """ONNX Runtime over an export; int8 by its dynamic quantization."""

    def __init__(self, kind, folder, threads):
        super().__init__(folder)
        import onnxruntime

        if kind not in ("f32", "int8"):
            raise SystemExit("none")
        path = self.folder / "peer.onnx"
        if not path.exists():
            import torch

            with torch.no_grad():
                torch.onnx.export(
                    traced(folder), (torch.zeros(1, 8, dtype=torch.int64),), str(path), input_names=["x"],
                    output_names=["y"], dynamic_axes={"x": {1: "t"}, "y": {1: "t"}}, dynamo=False)
        if kind == "int8":
            source, path = path, self.folder / "peer-int8.onnx"
            if not path.exists():
                from onnxruntime.quantization import QuantType, quantize_dynamic

                quantize_dynamic(source, path, weight_type=QuantType.QInt8, per_channel=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(self, ids, last):
        return None if last else self.session.run(["y"], {"x": np.array([ids])})[0][0]


class CTranslate2(Peer):
    """CTranslate2's generator."""

    def __init__(self, kind, folder, threads):
        super().__init__(folder)
        import ctranslate2

        if kind not in ("f32", "int8"):
            raise SystemExit("none")
        path = str(self.folder / f"ct2-{kind}")
        if not os.path.isdir(path):
            from ctranslate2.converters import TransformersConverter

            source = self.with_vocabulary()
            TransformersConverter(source).convert(path, quantization=None if kind == "f32" else "int8")
        self.model = ctranslate2.Generator(path, device="cpu", intra_threads=threads, inter_threads=1)

    def with_vocabulary(self):
        """The folder with a made-up vocabulary, which the converter asks for."""
        source = self.folder / "ct2-source"
        source.mkdir(exist_ok=True)
        for name in ["config.json", "model.safetensors"]:
            if not (source / name).exists():
                (source / name).symlink_to((self.folder / name).resolve())
        vocabulary = {f"t{i}": i for i in range(self.vocabulary)}
        (source / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
        (source / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
        settings = {"tokenizer_class": "GPT2Tokenizer", "unk_token": "t0", "bos_token": "t0", "eos_token": "t0"}
        (source / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
        return str(source)

    def run(self, ids, last):
        return None if last else np.array(self.model.forward_batch([ids]))[0]

    def decode(self, prompt, count):
        words = [f"t{i}" for i in self.ids(prompt)]
        times = []
        for length in (1, count + 1):
            start = time.perf_counter()
            self.model.generate_batch([words], min_length=length, max_length=length, include_prompt_in_result=False)
            times.append(time.perf_counter() - start)
        return times[1] - times[0]


def write_gguf(path, folder, kind):
    """GPT-2 as llama.cpp names it, without a vocabulary; int8 is Q8_0."""
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


class LlamaCpp(Peer):
    """llama.cpp through llama-cpp-python's bindings."""

    def __init__(self, kind, folder, threads):
        super().__init__(folder)
        import llama_cpp

        if kind not in ("f32", "bf16", "int8"):
            raise SystemExit("none")
        self.c = llama_cpp
        path = self.folder / f"peer-{kind}.gguf"
        if not path.exists():
            write_gguf(str(path), folder, kind)
        llama_cpp.llama_backend_init()
        self.log = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self.log, None)
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = settings.n_batch = settings.n_ubatch = self.config["n_positions"]
        settings.n_threads = settings.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        self.batch = llama_cpp.llama_batch_init(self.config["n_positions"], 0, 1)

    def clear(self):
        self.c.llama_memory_clear(self.c.llama_get_memory(self.context), True)

    def feed(self, tokens, start, last):
        """Runs tokens from a position on; logits of all or of the last."""
        self.batch.n_tokens = len(tokens)
        for place, token in enumerate(tokens):
            self.batch.token[place], self.batch.pos[place] = token, start + place
            self.batch.n_seq_id[place], self.batch.seq_id[place][0] = 1, 0
            self.batch.logits[place] = not last or place == len(tokens) - 1
        if self.c.llama_decode(self.context, self.batch) != 0:
            raise RuntimeError("llama_decode")
        return np.ctypeslib.as_array(self.c.llama_get_logits(self.context),
                                     shape=(1 if last else len(tokens), self.vocabulary))

    def run(self, ids, last):
        self.clear()
        return self.feed(ids, 0, last)

    def decode(self, prompt, count):
        self.clear()
        tokens = self.ids(prompt + count)
        self.feed(tokens[:prompt], 0, True)
        start = time.perf_counter()
        for place, token in enumerate(tokens[prompt:]):
            self.feed([token], prompt + place, True)
        return time.perf_counter() - start


PEERS = {"torch": Torch, "openvino": OpenVINO, "onnxruntime": ONNXRuntime, "ctranslate2": CTranslate2,
         "llama.cpp": LlamaCpp}


def answer(peer, words):
    """What a line asks for."""
    verb, first, second = words
    if verb == "decode":
        return peer.decode(int(first), int(second))
    ids = peer.ids(int(first)) if verb == "prefill" else [int(word) for word in first.split(",")]
    start = time.perf_counter()
    logits = peer.run(ids, verb == "prefill" and second == "last")
    seconds = time.perf_counter() - start
    if verb == "logits" and logits is not None:
        # Torch has bf16, and NumPy hasn't.
        values = logits.double().numpy() if hasattr(logits, "double") else logits
        np.asarray(values, dtype=np.float64 if sys.argv[2] == "f64" else np.float32).tofile(second)
    return None if logits is None else seconds


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    name, kind, folder, threads, *line = sys.argv[1:]
    peer = PEERS[name](kind, folder, int(threads))
    if line:
        print(answer(peer, line[0].split()), file=answers)
        return
    print("ready", file=answers)
    for line in sys.stdin:
        seconds = answer(peer, line.split())
        print("none" if seconds is None else seconds, file=answers)


if __name__ == "__main__":
    main()
