// SPDX-License-Identifier: Apache-2.0
// Which tensors llama.cpp wants in single precision, whatever the others are: its loops over vectors know no other type.
// ggml-org/llama.cpp: conversion/base.py, `prepare_tensors`; src/llama-quant.cpp, `tensor_allows_quantization`.
import IngotCore

/// The types of tensors in llama.cpp's files.
package enum LlamaCppTypes {
  /// Tables and small matrices that are not multiplied by.
  private static let names = ["position_embd.weight", "token_types.weight"]
  private static let ends = ["_norm.weight", ".ffn_gate_inp.weight", ".ssm_conv1d.weight"]

  /// Whether a tensor of a model stays F32.
  ///
  /// - Parameters:
  ///   - name: its name in a GGUF file.
  ///   - shape: its shape.
  /// - Returns: `true` for vectors, norms, positions, and what is no weight.
  @Sendable package static func staysFloat32(_ name: String, _ shape: Shape) -> Bool {
    shape.rank <= 1 || !name.hasSuffix(".weight") || names.contains(name)
      || ends.contains(where: name.hasSuffix)
  }

  /// Keys of its files beside those of a decoder's config.
  static let facts: [(key: String, fact: ConfigPlace.Fact)] = [
    ("general.architecture", .architecture), ("general.name", .modelName),
    ("general.file_type", .fileType), ("general.type", .ofContainer),
    ("general.alignment", .ofContainer), ("general.quantization_version", .ofContainer),
  ]
}
