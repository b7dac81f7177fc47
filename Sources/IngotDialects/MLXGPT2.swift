// SPDX-License-Identifier: Apache-2.0
// The names of GPT-2 in Apple's mlx-lm: transformers' own behind `model.`, but linear weights are `[out, in]`, and there
// is no head. ml-explore/mlx-lm: mlx_lm/models/gpt2.py.
import IngotCore
import IngotGraph

extension Dialect {
  /// GPT-2 as mlx-lm names it.
  static let mlxGPT2 = Dialect(
    id: "mlx",
    architecture: "gpt2",
    prefixes: ["model."],
    parameters: huggingFaceRows(linear: .transposed),
    // ml-explore/mlx: mlx/io/safetensors.cpp reads no F64.
    computes: [.f32, .f16, .bf16],
    fixed: FixedValue.gpt2Code() + [.tiedHead],
    config: ConfigPlace(carrier: .file("config.json"), echoes: [("n_ctx", \.contextLength)]),
    marks: [FileMark("format", "mlx", writtenIn: "safetensors")])
}
