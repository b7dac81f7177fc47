# SPDX-License-Identifier: Apache-2.0
"""Which models go to which program and back, what each program can't express, and the page that says how it went."""
from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable

import numpy as np
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "interoperability.md"
MODELS = ["kjv-gpt2", "models/base", "models/untied", "models/mask-buffers", "models/stored-head",
          "models/one-block", "models/epsilon", "models/activation-gelu", "models/activation-relu", "models/inner-40",
          "models/unscaled", "models/scaled-by-block"]
TANH = {"gelu_new", "gelu_pytorch_tanh"}
# Keys whose values a program has built in: its forward pass knows no other.
FIXED: dict[str, Callable[[dict], bool]] = {
    "activation_function": lambda config: config["activation_function"] in TANH,
    "layer_norm_epsilon": lambda config: config["layer_norm_epsilon"] == 1e-5,
    "n_inner": lambda config: config["n_inner"] in (None, 4 * config["n_embd"]),
    "scale_attn_weights": lambda config: config["scale_attn_weights"],
    "scale_attn_by_inverse_layer_idx": lambda config: not config["scale_attn_by_inverse_layer_idx"],
    "tie_word_embeddings": lambda config: config["tie_word_embeddings"],
}
DEFAULTS = {"activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "n_inner": None, "scale_attn_weights": True,
            "scale_attn_by_inverse_layer_idx": False, "tie_word_embeddings": True}


@dataclasses.dataclass(frozen=True)
class Program:
    """A program, how ingot is asked for its files, and what its forward pass can't express."""
    name: str
    module: str
    options: tuple[str, ...]
    target: str
    weights: str = ""  # What the program opens, below the target.
    fixed: tuple[str, ...] = ()
    # The largest difference of a logit over the largest logit: fp32's, unless a program computes more coarsely.
    tolerance: float = 5e-6
    exact_gelu: bool = False

    def refusal(self, config: dict) -> str | None:
        """The key that keeps a model from being expressed."""
        config = DEFAULTS | config
        if self.exact_gelu and config["activation_function"] != "gelu":
            return "activation_function"
        return next((key for key in self.fixed if not FIXED[key](config)), None)

    def version(self) -> str:
        """Its version, as it tells it."""
        return self._process("version").stdout.strip()

    def run(self, jobs: list[list[str | pathlib.Path]]) -> list[str]:
        """What comes of each job, all in one process of the program's own; a failure is raised."""
        with temporary() as name:
            given, found = pathlib.Path(name, "jobs.json"), pathlib.Path(name, "results.json")
            given.write_text(json.dumps([[str(word) for word in job] for job in jobs]), encoding="utf-8")
            self._process(given, found)
            results = json.loads(found.read_text(encoding="utf-8"))
        for job, (state, said) in zip(jobs, results, strict=True):
            if state != "done":
                raise AssertionError(f"{self.name}: {job}: {said}")
        return [said for _, said in results]

    def _process(self, *arguments: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "programs", self.module, *map(str, arguments)]
        result = subprocess.run(command, cwd=pathlib.Path(__file__).parent, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise AssertionError(f"{self.name}: {result.stderr.strip()[-1500:]}")
        return result


ARITHMETIC = ("activation_function", "n_inner", "scale_attn_weights", "scale_attn_by_inverse_layer_idx")
PROGRAMS = [
    Program("transformers", "transformers_folder", ("--for", "transformers"), "folder/"),
    Program("PyTorch", "torch_file", ("--to", "pytorch"), "model.pt"),
    Program("NumPy", "numpy_archive", ("--for", "numpy"), "model.npz"),
    # Its GELU is a table of half-precision numbers; the feed-forward width is a key of its files.
    Program("llama.cpp", "llama_cpp_file", ("--for", "llama.cpp"), "model.gguf", tolerance=1e-3,
            fixed=tuple(key for key in ARITHMETIC if key != "n_inner")),
    Program("OpenAI's code", "openai_code", ("--for", "openai"), "folder/",
            fixed=(*ARITHMETIC, "layer_norm_epsilon", "tie_word_embeddings")),
    Program("mlx", "mlx_folder", ("--for", "mlx"), "folder/", fixed=(*ARITHMETIC, "tie_word_embeddings")),
    Program("llm.c", "llmc_code", ("--for", "llm.c"), "model.bin",
            fixed=(*ARITHMETIC, "layer_norm_epsilon", "tie_word_embeddings")),
    Program("nanoGPT", "nanogpt_code", ("--for", "nanogpt"), "ckpt.pt", exact_gelu=True,
            fixed=("n_inner", "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "layer_norm_epsilon",
                   "tie_word_embeddings")),
]


@dataclasses.dataclass(frozen=True)
class Column:
    """A program of the table of other architectures: what it is given of each, and what it can't express."""
    program: Program
    # How ingot is asked for its files, by the folder of fixtures.
    options: dict[str, tuple[str, ...]]
    # Of each architecture the keys whose values it has built in.
    fixed: dict[str, dict[str, Callable[[object], bool]]] = dataclasses.field(default_factory=dict)
    # The inputs it takes beside ids; `None` when it takes all.
    inputs: frozenset[str] | None = None
    # Whether it is given ids alone, and held against transformers in double precision with the same.
    is_given_ids: bool = False
    # The largest difference of an output over its largest value; of BERT's GELU where it has another formula for it.
    tolerance: float = 5e-6
    gelu_tolerance: float = 5e-6

    def takes(self, case: Case) -> bool:
        """Whether the program has such models, and takes what the fixture gives; padding behind a causal model's tokens
        changes nothing of them."""
        if case.kind not in self.options:
            return False
        given = set(case.inputs) - {"input_ids"} - ({"attention_mask"} if case.kind != "bert" else set())
        return self.is_given_ids or self.inputs is None or given <= self.inputs

    def given(self, case: Case) -> dict[str, np.ndarray]:
        """What the program is given."""
        return {"input_ids": case.inputs["input_ids"]} if self.is_given_ids else case.inputs

    def bound(self, case: Case) -> float:
        """The difference that passes."""
        return self.gelu_tolerance if case.config.get("hidden_act") == "gelu" else self.tolerance

    def refusal(self, case: Case) -> str | None:
        """The key that keeps a model from being expressed."""
        fixed = self.fixed.get(case.kind, {})
        return next((key for key, accepts in fixed.items() if key in case.config and not accepts(case.config[key])), None)


class Case:
    """A model under fixtures/ of another architecture, or with another head, with its float64 outputs."""

    INPUTS = {"input_ids", "attention_mask", "token_type_ids", "position_ids", "mc_token_ids"}
    LABELS = {"labels", "targets"}

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.kind = folder.parent.name
        self.config_path = folder / "config.json"
        self.config = json.loads(self.config_path.read_text(encoding="utf-8"))
        # The language model's own.
        self.text = of_text(self.config)
        self.fixtures = folder / "expected.safetensors"
        loaded = load_file(self.fixtures)
        self.inputs = {name: value for name, value in loaded.items() if name in self.INPUTS}
        self.expected = {name: value for name, value in loaded.items()
                         if name not in self.INPUTS | self.LABELS | {"loss"}}

    def difference(self, found: dict[str, np.ndarray], expected: dict[str, np.ndarray], mask: np.ndarray | None) -> float:
        """The largest difference of an output where it counts, over the output's largest value."""
        return max(self._distance(found[name], value, mask) for name, value in expected.items() if name in found)

    @staticmethod
    def _distance(found: np.ndarray, expected: np.ndarray, mask: np.ndarray | None) -> float:
        if mask is not None and expected.shape[:mask.ndim] == mask.shape:
            found, expected = found[mask == 1], expected[mask == 1]
        return float(np.abs(found - expected).max() / np.abs(expected).max())


class Changed(Case):
    """The weights of a fixture under another config; transformers in double precision tells what they give for ids."""

    def __init__(self, source: pathlib.Path, changes: dict, place: pathlib.Path) -> None:  # pylint: disable=super-init-not-called
        said = ", ".join(f"`{key}` {json.dumps(value)}" for key, value in changes.items())
        self.kind, name = (source.parts[-2:] if source.name != "hf" else ("gpt_neox", "decoder-golden"))
        self.name = f"{name} with {said}" if said else name
        self.folder = place / self.kind / f"{name}-{zlib.crc32(said.encode()):08x}"
        shutil.copytree(source, self.folder, ignore=shutil.ignore_patterns("expected.*", "pytorch_*"))
        self.config_path = self.folder / "config.json"
        self.config = json.loads(self.config_path.read_text(encoding="utf-8"))
        (self.config.get("text_config") or self.config).update(changes)
        self.config_path.write_text(json.dumps(self.config), encoding="utf-8")
        self.text = of_text(self.config)
        recorded = source / "expected.safetensors"
        self.inputs = {"input_ids": load_file(recorded)["input_ids"] if recorded.exists() else
                       np.array([[(7 * index * index + 3 * index + 5) % 320 for index in range(18)]])}
        self.expected = {}


class Model:
    """A fixture: a transformers folder with float64 outputs of two implementations."""

    def __init__(self, name: str) -> None:
        self.name = name.split("/")[-1]
        self.folder = ROOT / "fixtures" / name
        self.config_path = self.folder / "config.json"
        self.config = json.loads(self.config_path.read_text(encoding="utf-8"))
        self.fixtures = next(self.folder / f for f in ("expected.npz", "expected.safetensors") if (self.folder / f).exists())
        loaded = dict(np.load(self.fixtures)) if self.fixtures.suffix == ".npz" else load_file(self.fixtures)
        self.ids, self.logits = loaded["input_ids"], loaded["logits"]

    def config_option(self, path: str | pathlib.Path) -> list[str | pathlib.Path]:
        """For a single file that holds no config, the option that names it."""
        return ["--config", self.config_path] if str(path).endswith((".npz", "model.pt")) else []

    def job(self, path: str | pathlib.Path, place: pathlib.Path) -> list[str | pathlib.Path]:
        """The job to compute this model's logits; they go into a folder."""
        np.save(place / "ids.npy", self.ids)
        return ["logits", path, place / "ids.npy", self.config_path, place / "out.npy"]

    def difference(self, place: pathlib.Path) -> float:
        """The largest difference of the logits there from float64's, over the largest logit."""
        return float(np.abs(np.load(place / "out.npy") - self.logits).max() / np.abs(self.logits).max())


def ingot(*arguments: str | pathlib.Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs the program and expects an exit code."""
    result = subprocess.run([os.environ["INGOT"], *map(str, arguments)], capture_output=True, text=True, check=False)
    if result.returncode != code:
        raise AssertionError(f"ingot {' '.join(map(str, arguments))}: {result.returncode}: {result.stderr}")
    return result


def digest(path: str | pathlib.Path, *options: str | pathlib.Path) -> str:
    """The digest of a model's parameters in transformers' names and layout."""
    return json.loads(ingot("hash", "--as", "hf", "--json", path, *options).stdout)["model"]


@dataclasses.dataclass
class Row:
    """How one model went to one program and back."""
    program: str
    model: str
    refused: str | None = None
    difference: float | None = None
    digest: str = ""
    without: str | None = None


def expect_refusal(source: pathlib.Path, target: str, options: tuple[str, ...], said: str, model: str) -> None:
    """A conversion that is refused with a word in its message, and leaves nothing in the folder of its output."""
    result = ingot("convert", source, target, *options, code=65)
    assert said in result.stderr, f"{model}: {result.stderr}"
    assert not any(pathlib.Path(target).parent.iterdir()), f"{model}: a refusal left something behind"


def there(program: Program, models: list[Model], folder: pathlib.Path) -> list[Row]:
    """From transformers folders to the program: the same parameters, and the program computes the same."""
    rows, jobs = [], []
    for model in models:
        place = folder / model.name
        place.mkdir()
        row = Row(program.name, model.name, refused=program.refusal(model.config))
        rows.append(row)
        target = f"{place}/{program.target}"
        if row.refused:
            expect_refusal(model.folder, target, program.options, row.refused, model.name)
            continue
        ingot("convert", model.folder, target, *program.options)
        row.digest = digest(target, *model.config_option(target))
        assert row.digest == digest(model.folder), f"{model.name}: the parameters are not the same"
        jobs.append(model.job(target, place))
    program.run(jobs)
    for model, row in zip(models, rows, strict=True):
        if not row.refused:
            row.difference = model.difference(folder / model.name)
            assert row.difference <= program.tolerance, f"{model.name}: {row.difference} is over {program.tolerance}"
    return rows


def back(program: Program, models: list[Model], folder: pathlib.Path) -> None:
    """From the program's own checkpoints: the same parameters, and ingot and transformers compute the same."""
    for model in models:
        (folder / model.name).mkdir()
    written = program.run([["write", model.folder, folder / model.name / "theirs"] for model in models])
    for model, path in zip(models, written, strict=True):
        assert digest(path, *model.config_option(path)) == digest(model.folder), f"{model.name}: other parameters"
        ingot("verify", path, "--fixtures", model.fixtures)
        ingot("convert", path, f"{folder}/{model.name}/ours/", "--for", "transformers")
    transformers = PROGRAMS[0]
    transformers.run([model.job(folder / model.name / "ours", folder / model.name) for model in models])
    for model in models:
        difference = model.difference(folder / model.name)
        assert difference <= transformers.tolerance, f"{model.name}: {difference}"


_ALIKE = frozenset({"BertModel", "BertForMaskedLM", "BertForNextSentencePrediction", "BertForPreTraining",
                    "BertForSequenceClassification"})
_LANGUAGE = frozenset({"OpenAIGPTModel", "OpenAIGPTLMHeadModel"})
_EVERY = ("openai-gpt", "bert", "gpt2-heads")
COLUMNS = [
    Column(PROGRAMS[0], dict.fromkeys(_EVERY, ("--for", "transformers"))),
    Column(PROGRAMS[1], dict.fromkeys(_EVERY, ("--to", "pytorch"))),
    Column(Program("Google's code", "google_code", (), "folder/"), {"bert": ("--for", "google")},
           {"bert": {"layer_norm_eps": lambda value: value == 1e-12, "tie_word_embeddings": bool,
                     "hidden_act": lambda value: value in ("gelu", "relu", "tanh", "linear"),
                     "architectures": lambda value: value[0] in _ALIKE}},
           frozenset({"attention_mask", "token_type_ids"}), gelu_tolerance=1e-3),
    Column(Program("OpenAI's code of 2018", "openai_gpt1_code", (), "folder/"), {"openai-gpt": ("--for", "openai")},
           {"openai-gpt": {"layer_norm_epsilon": lambda value: value == 1e-5, "tie_word_embeddings": bool,
                           "architectures": lambda value: value[0] in _LANGUAGE}}, frozenset()),
    # Token types and padding can't be given to it.
    Column(PROGRAMS[3], {"bert": ("--for", "llama.cpp")},
           {"bert": {"hidden_act": lambda value: value == "gelu", "architectures": lambda value: value[0] in _ALIKE}},
           is_given_ids=True, gelu_tolerance=2e-3),
]


def rope(config: dict, key: str = "rope_type") -> object:
    """What a config says of its rotary embedding's scaling, in either spelling."""
    found = config.get("rope_scaling") or config.get("rope_parameters") or {}
    return found.get(key, found.get("type", "default") if key == "rope_type" else None)


def window(config: dict) -> int | None:
    """How many tokens a token sees, of Qwen and SmolLM3 where a window is used at all: maybe in no block."""
    kind = config["model_type"]
    has = kind in WINDOWED or kind in (*QWEN, *QWEN_EXPERTS, "smollm3") and config.get("use_sliding_window")
    return config.get("sliding_window", WINDOWED.get(kind, 4096)) if has else None


def without_window(config: dict) -> dict:
    """A config whose tokens see all before them."""
    if not window(config):
        return config
    if config["model_type"] == "gemma2":
        return config | {"layer_types": ["full_attention"] * config.get("num_hidden_layers", 26)}
    without = {key: value for key, value in config.items() if key not in ("use_sliding_window", "layer_types")}
    return without | {"sliding_window": None}


def with_long_factors(config: dict) -> dict:
    """A config of `longrope` that has one list of divisors for all texts, as llama.cpp opened for long ones."""
    if rope(config) not in LONG:
        return config
    key = "rope_scaling" if config.get("rope_scaling") else "rope_parameters"
    return config | {key: config[key] | {"short_factor": config[key]["long_factor"]}}


def truncated(config: dict) -> dict:
    """A config of gpt-oss whose ramp of yarn ends at whole pairs."""
    said = config.get("rope_scaling") or config.get("rope_parameters") or {
        "rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
        "original_max_position_embeddings": 4096}
    base = {"rope_theta": config.get("rope_theta", 150000.0)}
    without = {key: value for key, value in config.items() if key not in ("rope_scaling", "rope_theta")}
    return without | {"rope_parameters": base | said | {"truncate": True}}


def of_text(config: dict) -> dict:
    """The config of the language model within that of one that takes images, too."""
    if "text_config" not in config:
        return config
    return {"architectures": ["Gemma3ForCausalLM"], "max_position_embeddings": 131072} | config["text_config"]


# The windows that are there without a key.
WINDOWED = {"mistral": 4096, "phi3": None, "gemma2": 4096, "gemma3_text": 4096, "mixtral": None, "gpt_oss": 128}
LONG = ("longrope", "su")
QWEN = ("qwen2", "qwen3")
QWEN_EXPERTS = ("qwen2_moe", "qwen3_moe")
GEMMA = ("gemma", "gemma2", "gemma3_text")
# Those of the table; the models with images are Gemma 3's.
LANGUAGES = ("llama", "mistral", *QWEN, "smollm3", *GEMMA, "gemma3", "phi3", "gpt_neox", "opt", "mixtral",
             *QWEN_EXPERTS, "gpt_oss")
QWEN2_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                 r"|\s*[\r\n]+|\s+(?!\S)|\s+")
O200K_PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
Keys = dict[str, Callable[[dict], bool]]


def head_width(config: dict) -> int:
    """The width of a head."""
    built_in = 256 if config["model_type"] in GEMMA else config["hidden_size"] // config["num_attention_heads"]
    return config.get("head_dim") or built_in


def activation(*names: str | None, key: str = "hidden_act") -> Keys:
    """The functions that a program has."""
    return {key: lambda config: config.get(key) in names}


# What a program has of any: no other head, which a tied model that has none is as good as.
HEAD: Keys = {"architectures": lambda config: not config["architectures"][0].endswith("Classification")}
ITS_HEAD: Keys = {"architectures": lambda config: config["architectures"][0].endswith("ForCausalLM")}
# What llama.cpp and mlx-lm have built in of Llama, Mistral and Qwen, and what each has of `yarn`,
# by the key that is named.
LANGUAGE: Keys = {
    **ITS_HEAD,
    **activation(None, "silu"),
    "rope_scaling": lambda config: rope(config) not in ("dynamic", "longrope"),
    "truncate": lambda config: rope(config, "truncate") is not False,
    # Qwen2's heads share the width, and Qwen3's output of attention has no bias.
    "head_dim": lambda config: config["model_type"] != "qwen2" or (
        head_width(config) * config["num_attention_heads"] == config["hidden_size"]),
    "attention_bias": lambda config: config["model_type"] != "qwen3" or not config.get("attention_bias"),
}
BETAS: Keys = {
    "beta_fast": lambda config: rope(config, "beta_fast") in (None, 32),
    "beta_slow": lambda config: rope(config, "beta_slow") in (None, 1),
}
ATTENTION: Keys = {
    # transformers takes both or neither, mlx-lm the one that is there.
    "mscale": lambda config: bool(rope(config, "mscale")) == bool(rope(config, "mscale_all_dim")),
    "attention_factor": lambda config: rope(config) != "yarn" or rope(config, "attention_factor") is None,
}
NO_BIAS: Keys = {"attention_bias": lambda config: not config.get("attention_bias")}
TIED: Keys = {"tie_word_embeddings": lambda config: config.get("tie_word_embeddings", True)}
UNSCALED: Keys = {"rope_scaling": lambda config: rope(config) in ("default", None)}
# llama.cpp has of SmolLM3 that every fourth layer does not turn.
EVERY_FOURTH: Keys = {
    "no_rope_layers": lambda config: not config.get("no_rope_layers") or turns_but_every_fourth(config),
    "no_rope_layer_interval": lambda config: config.get("no_rope_layers") or turns_but_every_fourth(config),
}
GELU = "gelu_pytorch_tanh"
# Of Gemma 1 "gelu" is that formula, too, and the newer key is not asked.
GEMMA1: Keys = HEAD | activation(None, GELU, "gelu") | NO_BIAS | TIED | UNSCALED
GEMMA2: Keys = HEAD | activation(None, GELU, key="hidden_activation") | NO_BIAS
SCALAR: Keys = {"query_pre_attn_scalar": lambda config: config.get("query_pre_attn_scalar", 256) == head_width(config)}


def turns_but_every_fourth(config: dict) -> bool:
    """Whether SmolLM3 turns queries and keys in all layers but every fourth."""
    count, interval = config["num_hidden_layers"], config.get("no_rope_layer_interval", 4)
    listed = config.get("no_rope_layers") or [(index + 1) % interval != 0 for index in range(count)]
    return [bool(turns) for turns in listed][:count] == [(index + 1) % 4 != 0 for index in range(count)]


def capped(key: str) -> Keys:
    """Gemma 2's bounds, which a program has built in."""
    return {key: lambda config: config.get(key, 1.0) is not None}


def nested_scaling(kind: str) -> Callable[[dict], object]:
    """What Gemma 3 scales angles by in layers of a kind."""
    def scaling(config: dict) -> object:
        nested = (config.get("rope_parameters") or {}).get(f"{kind}_attention") or {}
        beside = (config.get("rope_scaling") or {}) if kind == "full" else {}
        return (nested | beside).get("rope_type", "default")
    return scaling


def layers_by_pattern(config: dict) -> bool:
    """Whether Gemma 3's layers without a window are every n-th, as the key says that mlx-lm has."""
    period, kinds = config.get("sliding_window_pattern", 6), config.get("layer_types")
    return kinds is None or all((kind == "full_attention") == ((i + 1) % period == 0) for i, kind in enumerate(kinds))


PHI3: Keys = ITS_HEAD | activation(None, "silu") | {"head_dim": lambda config: "head_dim" not in config}
NEOX: Keys = activation(None, "gelu") | {"attention_bias": lambda config: config.get("attention_bias", True)}
NONE: Keys = {"OPT": lambda config: False}
# Heads that share the width.
SHARED_WIDTH: Keys = {
    "head_dim": lambda config: head_width(config) * config["num_attention_heads"] == config["hidden_size"]}
SHARES_OF_CHOSEN: Keys = {"norm_topk_prob": lambda config: config.get("norm_topk_prob")}
# Experts in every layer.
ALL_WITH_EXPERTS: Keys = {
    "num_experts": lambda config: config.get("num_experts") != 0,
    "mlp_only_layers": lambda config: not any(
        layer < config["num_hidden_layers"] for layer in config.get("mlp_only_layers") or ()),
    "decoder_sparse_step": lambda config: config.get("decoder_sparse_step", 1) == 1,
}
QWEN2_EXPERTS: Keys = {
    **activation(None, "silu"), **SHARED_WIDTH,
    "qkv_bias": lambda config: config.get("qkv_bias", True),
    "norm_topk_prob": lambda config: not config.get("norm_topk_prob"),
    **ALL_WITH_EXPERTS,
}
GPT_OSS: Keys = {
    "attention_bias": lambda config: config.get("attention_bias", True),
    "swiglu_limit": lambda config: config.get("swiglu_limit", 7.0) == 7.0,
    "swiglu_alpha": lambda config: config.get("swiglu_alpha", 1.702) == 1.702,
}
# What llama.cpp has of rotary embeddings in Llama, and so in its mixtures of experts.
ROTARY: Keys = {key: LANGUAGE[key] for key in ("rope_scaling", "truncate")} | BETAS


def layer_kinds(config: dict) -> list[str]:
    """Which of gpt-oss's layers have the window."""
    return config.get("layer_types") or [
        "full_attention" if place % 2 else "sliding_attention" for place in range(config["num_hidden_layers"])]


def is_untruncated(config: dict) -> bool:
    """Whether yarn's ramp ends within a pair, as gpt-oss's does where its config says nothing."""
    said = config.get("rope_scaling") or config.get("rope_parameters")
    return rope(config) == "yarn" and rope(config, "truncate") is False or (
        config["model_type"] == "gpt_oss" and said is None)


# What each program has built in, by architecture, in the order in which ingot asks.
LLAMA_CPP: dict[str, Keys] = {
    **dict.fromkeys(("llama", "mistral", *QWEN), LANGUAGE | BETAS),
    "smollm3": EVERY_FOURTH | HEAD | activation(None, "silu"),
    "gemma": GEMMA1,
    "gemma2": activation(None, GELU, key="hidden_activation") | NO_BIAS | SCALAR | capped("attn_logit_softcapping") | HEAD
              | TIED | UNSCALED,
    "gemma3_text": {**activation(None, GELU, key="hidden_activation"), **NO_BIAS,
                    "sliding_attention": lambda config: nested_scaling("sliding")(config) == "default",
                    "rope_scaling": lambda config: nested_scaling("full")(config) in ("default", "linear"),
                    **SCALAR, **HEAD},
    "phi3": PHI3 | {"rope_scaling": lambda config: rope(config) in ("default", "yarn", *LONG)},
    "gpt_neox": NEOX | {"rope_scaling": lambda config: rope(config) in ("default", "linear")} | ITS_HEAD,
    "opt": NONE,
    "mixtral": activation(None, "silu") | ROTARY | ITS_HEAD,
    "qwen2_moe": QWEN2_EXPERTS | ROTARY | ITS_HEAD,
    "qwen3_moe": activation(None, "silu") | NO_BIAS | SHARES_OF_CHOSEN | ALL_WITH_EXPERTS | ROTARY | ITS_HEAD,
    # It asks which layers have the window by a period or a list, and has one in any case.
    "gpt_oss": GPT_OSS | {"layer_types": lambda config: "sliding_attention" in layer_kinds(config)} | ITS_HEAD,
}
MLX: dict[str, Keys] = {
    **dict.fromkeys(("llama", "mistral", *QWEN), LANGUAGE | ATTENTION),
    "smollm3": HEAD | activation(None, "silu") | ATTENTION,
    "gemma": GEMMA1,
    "gemma2": GEMMA2 | UNSCALED | capped("attn_logit_softcapping") | capped("final_logit_softcapping") | TIED,
    "gemma3_text": {**GEMMA2, "final_logit_softcapping": lambda config: config.get("final_logit_softcapping") is None,
                    "sliding_attention": lambda config: nested_scaling("sliding")(config) == "default",
                    "layer_types": layers_by_pattern,
                    # It looks into the cache of the last layer of a period.
                    "num_hidden_layers": lambda config: config.get("num_hidden_layers", 26)
                                                        >= config.get("sliding_window_pattern", 6)},
    "phi3": PHI3 | UNSCALED,
    "gpt_neox": NEOX | {"intermediate_size": lambda config: config["intermediate_size"] == 4 * config["hidden_size"]}
                | ITS_HEAD | UNSCALED,
    "opt": NONE,
    "mixtral": activation(None, "silu") | SHARED_WIDTH | UNSCALED | ITS_HEAD,
    "qwen2_moe": QWEN2_EXPERTS | UNSCALED | ITS_HEAD,
    "qwen3_moe": activation(None, "silu") | NO_BIAS | UNSCALED | ITS_HEAD,
    # It looks for the first layer of either kind.
    "gpt_oss": GPT_OSS | {"layer_types": lambda config: len(set(layer_kinds(config))) == 2} | ITS_HEAD,
}


@dataclasses.dataclass(frozen=True)
class LanguageColumn:
    """A program of the table of language models."""
    program: Program
    options: tuple[str, ...]
    # Keys whose values it has built in, by architecture; none for a program that computes by transformers' own code.
    fixed: dict[str, Keys] | None = None
    # The largest difference, and that of those whose activation it has by another formula or in half precision.
    tolerance: float = 5e-6
    coarsely: dict[str, float] = dataclasses.field(default_factory=dict)
    # Those whose windows it looks at.
    sees_windows: tuple[str, ...] = ()

    def refusal(self, case: Case) -> str | None:
        """The key that keeps a model from being expressed."""
        fixed = (self.fixed or {}).get(case.text["model_type"], {})
        return next((key for key, accepts in fixed.items() if not accepts(case.text)), None)

    def ignores(self, case: Case) -> str | None:
        """What it passes over, so that it is held against the model without."""
        if self.fixed is None:
            return None
        # mlx-lm's Llama, which its SmolLM3 is, goes by layer_types.
        is_seen = case.text["model_type"] in self.sees_windows or (
            self.program is not SERVER and case.text["model_type"] == "smollm3" and case.text.get("layer_types"))
        if window(case.text) is not None and not is_seen:
            return "sliding_window"
        if is_untruncated(case.text):
            return "truncate"
        # Opened for 256 tokens it takes the list by that.
        is_long = rope(case.text) in LONG and case.text.get("original_max_position_embeddings", 4096) < 256
        return "short_factor" if self.program is SERVER and is_long else None

    def config(self, case: Case) -> dict:
        """The config of the model that it computes."""
        ignored = self.ignores(case)
        if ignored == "short_factor":
            return without_window(with_long_factors(case.text))
        if ignored == "truncate":
            return truncated(case.text)
        return without_window(case.text) if ignored else case.text

    def bound(self, case: Case) -> float:
        """The difference that passes."""
        return self.coarsely.get(case.text["model_type"], self.tolerance)


def scalars(number: int, *names: str) -> list[tuple[str, dict]]:
    """Models whose scores are divided by the root of another number: the one that llama.cpp derives."""
    return [(name, {"query_pre_attn_scalar": number}) for name in names]


# As near as may be to fixtures that a program refuses, what it computes; and of longrope the list for short texts.
SHORT = {"original_max_position_embeddings": 256, "max_position_embeddings": 1024}
CHANGES: dict[str, list[tuple[str, dict]]] = {
    "smollm3": [(name, {"no_rope_layers": None}) for name in ("bare", "biases", "list", "window", "yarn")],
    "gemma2": scalars(4, "default-keys") + scalars(
        12, "attention-cap", "bare", "default-caps", "final-cap", "grouped", "linear", "null-keys", "untied", "window",
        "window-in-no-layer", "window-layer-types", "window-of-1"),
    "gemma3_text": scalars(4, "default-keys") + scalars(
        12, "bare", "every-layer", "every-second", "every-sixth", "every-third", "final-cap", "grouped", "linear-in-both",
        "null-keys", "old-spelling", "published-keys-1b", "published-keys-270m", "theta-of-one-kind", "untied",
        "window-in-all-layers", "window-in-no-layer"),
    "gemma3": scalars(12, "newer-names") + scalars(4, "published-names"),
    "phi3": [(name, SHORT) for name in ("longrope", "longrope-attention-factor", "longrope-factor", "longrope-partial")],
    "qwen3_moe": [(name, {"norm_topk_prob": True}) for name in (
        "all-experts", "default-head-width", "default-keys", "null-keys", "one-expert", "positions", "tied", "window",
        "window-layer-types", "yarn")],
    # A ramp of yarn that ends at whole pairs, in two layers.
    "gpt_oss": [(name, {"rope_scaling": {"rope_type": "yarn", "factor": 32.0}})
                for name in ("published-keys", "published-mxfp4")],
    # Of decoder-golden: as wide within as mlx-lm has it.
    "gpt_neox": [("hf", {}), ("hf", {"use_parallel_residual": False}), ("hf", {"rotary_pct": 1.0})],
}


def language_cases(kind: str, place: pathlib.Path) -> list[Case]:
    """The fixtures of an architecture, and what is made of some in a folder."""
    folder = ROOT / "fixtures" / kind
    golden = ROOT / "fixtures" / "decoder-golden" / "gptneox"
    return [*(Case(path) for path in sorted(folder.iterdir())),
            *(Changed((golden if name == "hf" else folder) / name, changes, place)
              for name, changes in CHANGES.get(kind, []))]


EXACT = Program("transformers in double precision", "transformers_double", (), "")
SERVER = Program("llama.cpp", "xllamacpp_server", ("--for", "llama.cpp"), "model.gguf")
LANGUAGE_COLUMNS = [
    LanguageColumn(PROGRAMS[0], ("--for", "transformers")),
    LanguageColumn(PROGRAMS[1], ("--to", "pytorch")),
    # Its tables of GELU are in half precision, and of GPT-NeoX it and mlx-lm have the formula with tanh. Of Gemma mlx-lm
    # has the exact one, and of Gemma 3 the root of the width in BF16.
    LanguageColumn(SERVER, ("--for", "llama.cpp"), LLAMA_CPP, coarsely=dict.fromkeys((*GEMMA, "gpt_neox"), 1e-2),
                   sees_windows=("gemma2", "gemma3_text", "gpt_oss")),
    LanguageColumn(next(program for program in PROGRAMS if program.name == "mlx"), ("--for", "mlx"), MLX,
                   coarsely={"gemma": 1e-2, "gpt_neox": 1e-2, "gemma3_text": 1e-3},
                   sees_windows=("gemma3_text", "gpt_oss")),
]


def with_tokenizer(folder: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """A copy of a folder with a tokenizer of as many tokens as the config says, where it has none: llama.cpp's server
    ends without. Qwen's, GPT-NeoX's and gpt-oss's is byte-level BPE, the others' a SentencePiece model."""
    if (folder / "tokenizer.model").exists():
        return folder
    config = of_text(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    size = config.get("vocab_size", 32000)
    shutil.copytree(folder, target)
    if config["model_type"] in (*QWEN, *QWEN_EXPERTS, "gpt_neox", "gpt_oss"):
        text = byte_level(size, O200K_PATTERN if config["model_type"] == "gpt_oss" else QWEN2_PATTERN)
        (target / "tokenizer.json").write_text(text, encoding="utf-8")
        return target
    import sentencepiece
    text = (ROOT / "fixtures" / "kjv-gpt2" / "heldout.txt").read_text(encoding="utf-8")
    letters = "".join(letter for letter in text.lower() if letter.isascii() and (letter.isalpha() or letter.isspace()))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(letters.splitlines()), model_prefix=str(target / "tokenizer"), model_type="bpe",
        vocab_size=size, minloglevel=2)
    (target / "tokenizer.vocab").unlink()
    return target


def byte_level(size: int, pattern: str = QWEN2_PATTERN) -> str:
    """The tokenizer.json of byte-level BPE that cuts a text by a pattern, and with Qwen2's normalizes it as Qwen2's does: a
    newline, a space, letters and further bytes, one merge, and the mark of a text's end."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    letters = sorted(pre_tokenizers.ByteLevel.alphabet(),
                     key=lambda letter: (letter not in "\u0120\u010a", not "a" <= letter <= "z", letter))[:size - 2]
    tokens = {token: place for place, token in enumerate([*letters, "th"])}
    tokenizer = Tokenizer(models.BPE(tokens, [("t", "h")]))
    if pattern == QWEN2_PATTERN:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", normalized=False)])
    return tokenizer.to_str(pretty=True)


def languages(column: LanguageColumn, cases: list[Case], folder: pathlib.Path) -> list[Row]:
    """Language models to a program, which computes the same, but for a window or a list of divisors that it does not look
    at: that is said."""
    rows, jobs, exact, ran = [], [], [], []
    for case in cases:
        place = folder / case.kind / case.folder.name
        place.mkdir(parents=True)
        target = f"{place}/out/{column.program.target}"
        row = Row(column.program.name, f"{case.kind}/{case.name}", refused=column.refusal(case))
        rows.append(row)
        (place / "out").mkdir()
        # Experts in blocks of four bits are unpacked: a program on a processor computes with numbers.
        is_packed = "quantization_config" in case.config
        options = (*column.options, *(("--dtype", "f32") if is_packed else ()))
        if row.refused:
            expect_refusal(case.folder, target, options, row.refused, row.model)
            continue
        source = with_tokenizer(case.folder, place / "source") if column.program is SERVER else case.folder
        # A copy of one that takes images has all its parts, and its dialect the language model's.
        of_text_alone = ("--dialect", "hf") if column.program is PROGRAMS[1] and "text_config" in case.config else ()
        said = ingot("convert", source, target, *options, *of_text_alone)
        row.digest = digest(target, *(["--config", case.config_path] if target.endswith(".pt") else []))
        assert is_packed or row.digest == digest(case.folder), f"{row.model}: the parameters are not the same"
        row.without = column.ignores(case)
        if row.without:
            named = "rope_scaling" if row.without in ("short_factor", "truncate") else row.without
            assert named in said.stdout + said.stderr, f"{row.model}: {named} went without a word"
        given = case.inputs if column.fixed is None else {"input_ids": case.inputs["input_ids"]}
        np.savez(place / "inputs.npz", **given)
        (place / "config.json").write_text(json.dumps(_whole(column.config(case))), encoding="utf-8")
        ran.append(case)
        jobs.append(["outputs", target, place / "inputs.npz", place / "config.json", place / "out.npz"])
        exact.append(["exact_outputs", case.folder, place / "inputs.npz", place / "config.json", place / "exact.npz"])
    column.program.run(jobs)
    EXACT.run([job for job, case in zip(exact, ran, strict=True) if column.fixed is not None or not case.expected])
    for case, row in zip(cases, rows, strict=True):
        if not row.refused:
            row.difference = _language_difference(column, case, folder / case.kind / case.folder.name)
            assert row.difference <= column.bound(case), f"{row.model}: {row.difference} is over {column.bound(case)}"
    return rows


def _whole(config: dict) -> dict:
    """A config with those defaults that a program is told, of weights that are no blocks."""
    whole = {"max_position_embeddings": 2048, "vocab_size": 32000} | config
    return {key: value for key, value in whole.items() if key != "quantization_config"}


def _language_difference(column: LanguageColumn, case: Case, place: pathlib.Path) -> float:
    found = dict(np.load(place / "out.npz"))
    if column.fixed is None and case.expected:
        return case.difference(found, case.expected, case.inputs.get("attention_mask"))
    told = None
    if "log_probs" in found:
        told = ~np.isnan(found["log_probs"]).any(-1)
        assert 2 * told.sum() >= told.size, f"{case.name}: {told.sum()} of {told.size} positions are told"
    return case.difference(found, dict(np.load(place / "exact.npz")), told)


def language_table(rows: list[Row]) -> list[str]:
    """The table of language models."""
    lines = ["", "## Llama to gpt-oss", "",
             "The number is the largest difference of an output, or of a state between two blocks, over the largest",
             "value of it: from float64's; in llama.cpp and mlx, which are given ids alone, from transformers' in",
             "double precision with the same, and in llama.cpp of log-probabilities, which its server gives. What a",
             "program passes over is said by ingot when it converts, and there the number is from the model without:",
             "the `sliding_window` of all but Gemma 2 and 3 and gpt-oss (in mlx of all but Gemma 3 and gpt-oss), the",
             "`truncate` of gpt-oss's yarn, whose ramp ends at whole pairs in both, and in llama.cpp, which takes the",
             "list by the context that it is opened with, 256 here, longrope's `short_factor`. llama.cpp's GELU is",
             "a table in half precision, and of GPT-NeoX it and mlx have the formula with tanh; of Gemma mlx has the",
             "exact one, and of Gemma 3 it rounds the root of the width to BF16. Experts in MXFP4 are unpacked for all",
             "programs (`--dtype f32`). A name with a key and a value is a fixture under another config, so that its",
             "arithmetic is one the programs have; `decoder-golden` is its GPT-NeoX. There the number is from",
             "transformers' in double precision in all columns.", "",
             "| program | version |", "|---|---|",
             *(f"| {column.program.name} | {column.program.version()} |" for column in LANGUAGE_COLUMNS), "",
             "| model | " + " | ".join(column.program.name for column in LANGUAGE_COLUMNS) + " |",
             "|---|" + "---|" * len(LANGUAGE_COLUMNS)]
    for model in sorted({row.model for row in rows}):
        mine = {row.program: row for row in rows if row.model == model}
        cells = [_cell(mine.get(column.program.name)) for column in LANGUAGE_COLUMNS]
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return lines


def others(column: Column, cases: list[Case], folder: pathlib.Path) -> list[Row]:
    """From transformers folders of other architectures to a program, which computes the same."""
    rows, jobs, exact = [], [], []
    for case in cases:
        place = folder / case.kind / case.name
        place.mkdir(parents=True)
        target = f"{place}/{column.program.target}"
        row = Row(column.program.name, f"{case.kind}/{case.name}", refused=column.refusal(case))
        rows.append(row)
        if row.refused:
            # A head is refused by the key, or by the first parameter that has no name.
            said = row.refused if row.refused != "architectures" else ""
            expect_refusal(case.folder, target, column.options[case.kind], said, row.model)
            continue
        ingot("convert", case.folder, target, *column.options[case.kind])
        np.savez(place / "inputs.npz", **column.given(case))
        jobs.append(["outputs", target, place / "inputs.npz", case.config_path, place / "out.npz"])
        exact.append(["exact_outputs", case.folder, place / "inputs.npz", case.config_path, place / "exact.npz"])
    column.program.run(jobs)
    if column.is_given_ids:
        PROGRAMS[0].run(exact)
    for case, row in zip(cases, rows, strict=True):
        if not row.refused:
            row.difference = _other_difference(column, case, folder / case.kind / case.name)
            assert row.difference <= column.bound(case), f"{row.model}: {row.difference} is over {column.bound(case)}"
    return rows


def _other_difference(column: Column, case: Case, place: pathlib.Path) -> float:
    expected, mask = case.expected, case.inputs.get("attention_mask")
    if column.is_given_ids:
        expected, mask = dict(np.load(place / "exact.npz")), None
    return case.difference(dict(np.load(place / "out.npz")), expected, mask)


def other_table(rows: list[Row]) -> list[str]:
    """The table of other architectures."""
    lines = ["", "## GPT-1, BERT and GPT-2's other heads", "",
             "The number is the largest difference of an output, or of a state between two blocks, over the largest value",
             "of it: from float64's; in llama.cpp, which is given ids alone, from transformers' in double precision with",
             "the same. Google's code and llama.cpp have BERT's GELU by the formula with tanh, where the others have the",
             "exact one: that is most of what is seen there. A dash: the program has no such model, or does not take the",
             "inputs that the fixture has.", "", "| program | version |", "|---|---|",
             *(f"| {column.program.name} | {column.program.version()} |" for column in COLUMNS), "",
             "| model | " + " | ".join(column.program.name for column in COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
    for model in sorted({row.model for row in rows}):
        mine = {row.program: row for row in rows if row.model == model}
        lines.append(f"| {model} | " + " | ".join(_cell(mine.get(column.program.name)) for column in COLUMNS) + " |")
    return lines


# A dialect in each format that holds it with its config: what a file of it is called, and how ingot is asked for it.
FORMS = {
    "hf in safetensors": ("folder/", ("--to", "safetensors", "--dialect", "hf")),
    "hf in PyTorch": ("folder/", ("--to", "pytorch", "--dialect", "hf")),
    "hf in npz": ("folder/", ("--to", "npz", "--dialect", "hf")),
    "hf in .ingot": ("model.ingot", ("--dialect", "hf")),
    "openai in TensorFlow": ("folder/", ("--for", "openai")),
    "gguf in GGUF": ("model.gguf", ("--for", "llama.cpp")),
    "llmc in llm.c": ("model.bin", ("--for", "llm.c")),
    "mlx in safetensors": ("folder/", ("--for", "mlx")),
    "nanogpt in PyTorch": ("ckpt.pt", ("--for", "nanogpt")),
}
# What each dialect's program can't express; transformers expresses all.
FORM_PROGRAMS = {"openai": "OpenAI's code", "gguf": "llama.cpp", "llmc": "llm.c", "mlx": "mlx", "nanogpt": "nanoGPT"}


def form_refusal(form: str, config: dict) -> str | None:
    """The key that keeps a model out of a form."""
    name = FORM_PROGRAMS.get(form.split()[0])
    return next(program for program in PROGRAMS if program.name == name).refusal(config) if name else None


def graph(path: str | pathlib.Path) -> str:
    """What a config comes to, whatever the dialect: the graph that is built of it, without the weights' layout."""
    report = json.loads(ingot("graph", path, "--format", "json").stdout)
    for node in report["nodes"]:
        node["attributes"].pop("weight", None)
    for parameter in report["parameters"]:
        parameter["shape"].sort()
    return json.dumps(report)


def stored(path: str | pathlib.Path) -> list[tuple]:
    """Every tensor as it is stored."""
    report = json.loads(ingot("hash", "--json", path).stdout)
    return [tuple(str(value) for value in tensor.values()) for tensor in report["tensors"]]


def pairs(models: list[Model], folder: pathlib.Path) -> dict[tuple[str, str], tuple[int, int]]:
    """A → B → A of every model over every pair of forms: how many came back the same, and how many B refused by key."""
    counts: dict[tuple[str, str], list[int]] = {}
    for model in models:
        for first, (target, options) in FORMS.items():
            if form_refusal(first, model.config):
                continue
            place = folder / model.name / first
            place.mkdir(parents=True)
            here = f"{place}/{target}"
            ingot("convert", model.folder, here, *options)
            own = stored(here), graph(here)
            for second in FORMS:
                count = counts.setdefault((first, second), [0, 0])
                count[_goes(model, here, own, (first, second), place / second)] += 1
    return {pair: (same, refused) for pair, (same, refused) in counts.items()}


def _goes(model: Model, here: str, own: tuple[list, str], pair: tuple[str, str], place: pathlib.Path) -> int:
    """0 for a model that came back the same, 1 for one that the second form refused by the right key."""
    (first_target, first_options), (second_target, second_options) = (FORMS[form] for form in pair)
    (place / "back").mkdir(parents=True)
    there, back_again = f"{place}/{second_target}", f"{place}/back/{first_target}"
    key = form_refusal(pair[1], model.config)
    result = ingot("convert", here, there, *second_options, code=65 if key else 0)
    if key:
        assert key in result.stderr, f"{model.name}: {pair}: {result.stderr}"
        return 1
    ingot("convert", there, back_again, *first_options)
    assert stored(back_again) == own[0], f"{model.name}: {pair}: other tensors came back"
    assert graph(back_again) == graph(there) == own[1], f"{model.name}: {pair}: another config came back"
    return 0


def pair_table(found: dict[tuple[str, str], tuple[int, int]]) -> list[str]:
    """The table of pairs."""
    lines = ["", "## There and back", "",
             "Every model of the first table from each form (a row) to every other (a column) and back again with ingot: how many came",
             "back with equal tensors, bit for bit, and an equal config, of those that the row's form can express. The",
             "others are refused on the way there, by the key that the first table names.",
             "", "| from | " + " | ".join(FORMS) + " |", "|---|" + "---|" * len(FORMS)]
    for first in FORMS:
        cells = [found[first, second] for second in FORMS]
        lines.append(f"| {first} | " + " | ".join(f"{same} of {same + refused}" for same, refused in cells) + " |")
    return lines


def write_page(rows: list[Row], found: dict[tuple[str, str], tuple[int, int]], other_rows: list[Row],
               language_rows: list[Row]) -> None:
    """The page that says how it went."""
    versions = [f"| {program.name} | {program.version()} |" for program in PROGRAMS]
    lines = ["# Interoperability", "",
             "What `make test-peers` found: each model was converted for each program, which loaded it and computed its",
             "logits; and each program wrote the model itself, which ingot read, verified, and converted for",
             "transformers. Parameters have the same digest (`ingot hash --as hf`) wherever a number stands. The number is",
             "the largest difference of a logit from float64's, over the largest logit. This page is written by the run.",
             "", "| program | version |", "|---|---|", *versions, "",
             "| model | digest | " + " | ".join(program.name for program in PROGRAMS) + " |",
             "|---|---|" + "---|" * len(PROGRAMS)]
    for model in dict.fromkeys(row.model for row in rows):
        mine = {row.program: row for row in rows if row.model == model}
        known = next((row.digest[:12] for row in mine.values() if row.digest), "")
        cells = [_cell(mine.get(program.name)) for program in PROGRAMS]
        lines.append(f"| {model} | `{known}` | " + " | ".join(cells) + " |")
    lines += ["", "A key in place of a number: the program's forward pass has that key's value built in, so the model is",
              "refused, by that name and before a byte is written (exit 65).", *other_table(other_rows),
              *language_table(language_rows), *pair_table(found), ""]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(lines), encoding="utf-8")


def _cell(row: Row | None) -> str:
    if row is None:
        return "–"
    if row.refused:
        return f"`{row.refused}`"
    return f"{row.difference:.1e}" + (f" without `{row.without}`" if row.without else "")


def temporary() -> tempfile.TemporaryDirectory:
    """A folder that goes when its work is done."""
    return tempfile.TemporaryDirectory(prefix="ingot-peers-")
