// SPDX-License-Identifier: Apache-2.0
// What config.json says of int8 weights, so that transformers and vLLM load them with compressed-tensors:
// `quantization_config`, with a group of layers for each scheme and the layers that none is for.
// - SeeAlso: `vllm-project/compressed-tensors: quantization/quant_config.py`, `quant_scheme.py` and `quant_args.py`.
import IngotCore
import IngotDialects
import IngotEncodings
import IngotGraph
import IngotOutput
import IngotQuantization

extension CompressedTensorsLayout {
  /// How a scheme's weights are laid out: with activations that become int8 as they are, else packed.
  private static func format(of coding: WeightCoding) -> String {
    coding.quantizesActivations ? "int-quantized" : "pack-quantized"
  }

  /// Makes the config of an output say how its weights are quantized, and which dtype those that stay have.
  ///
  /// - Parameter output: the output, with a config among its companions.
  /// - Throws: ``IngotCore/IngotError/internal(_:)`` where there is none.
  func declare(in output: inout OutputBuilder) throws(IngotError) {
    guard let index = output.companions.firstIndex(where: { $0.kind == .config }),
      var document = try? JSONDocument.object(output.companions[index].bytes)
    else { throw .internal("a folder without a config") }
    if document["dtype"] == nil, document["torch_dtype"] == nil, let name = dtypeName {
      document["torch_dtype"] = .string(name)
    }
    document["quantization_config"] = .object(declaration)
    output.companions[index].bytes = ConfigWriter.bytes(of: document)
  }

  /// What transformers calls the dtype of the weights before; `nil` where they have several, or one that it casts.
  private var dtypeName: String? {
    let dtypes = Set(codings.keys.compactMap { model.descriptor($0)?.dtype })
    guard dtypes.count == 1 else { return nil }
    switch dtypes.first {
    case .f32: return "float32"
    case .f16: return "float16"
    case .bf16: return "bfloat16"
    default: return nil
    }
  }

  /// The value of `quantization_config`.
  var declaration: Metadata {
    var schemes: [(coding: WeightCoding, layers: [TensorRole])] = []
    for role in model.recognised.graph.parameters.map(\.role) {
      guard let coding = codings[role].map(kind) else { continue }
      if let index = schemes.firstIndex(where: { $0.coding == coding }) {
        schemes[index].layers.append(role)
      } else {
        schemes.append((coding, [role]))
      }
    }
    let formats = schemes.map { Self.format(of: $0.coding) }
    let isMixed = Set(formats).count > 1
    var groups = Metadata()
    for (index, scheme) in schemes.enumerated() {
      let targets = schemes.count == 1 ? ["Linear"] : scheme.layers.compactMap(pattern)
      groups["group_\(index)"] = .object(
        group(scheme.coding, targets: targets, format: isMixed ? formats[index] : nil))
    }
    return Metadata([
      .init(key: "config_groups", value: .object(groups)),
      .init(key: "format", value: .string(isMixed ? "mixed-precision" : formats.first ?? "")),
      .init(key: "ignore", value: .array(ignoredLayers.map { .string($0) })),
      .init(key: "quant_method", value: .string("compressed-tensors")),
      .init(key: "quantization_status", value: .string("compressed")),
    ])
  }

  private func group(_ coding: WeightCoding, targets: [String], format: String?) -> Metadata {
    var group = Metadata([
      .init(key: "targets", value: .array(targets.map { .string($0) })),
      .init(key: "weights", value: .object(weights(coding))),
    ])
    group["input_activations"] =
      coding.quantizesActivations ? .object(arguments(strategy: "token", isDynamic: true)) : .null
    if let format { group["format"] = .string(format) }
    return group
  }

  private func weights(_ coding: WeightCoding) -> Metadata {
    guard case .integers(let scheme) = coding, case .perGroup(_, let size) = scheme.granularity else {
      return arguments(strategy: "channel", isDynamic: false)
    }
    var weights = arguments(strategy: "group", isDynamic: false)
    weights["group_size"] = .int64(Int64(size))
    return weights
  }

  /// Symmetric int8, with scales found by a strategy: when it is used, or before.
  private func arguments(strategy: String, isDynamic: Bool) -> Metadata {
    Metadata([
      .init(key: "num_bits", value: .int64(8)),
      .init(key: "type", value: .string("int")),
      .init(key: "symmetric", value: .bool(true)),
      .init(key: "strategy", value: .string(strategy)),
      .init(key: "dynamic", value: .bool(isDynamic)),
    ])
  }

  /// Linear layers that stay as they are; a head among them, tied or not, by each name that a program calls it by.
  private var ignoredLayers: [String] {
    let kept = model.recognised.graph.parameters.map(\.role).filter { role in
      role.kind != .head && codings[role] == nil && model.recognised.graph.parameter(role)?.isLinear == true
    }
    let heads = [pattern(TensorRole(.head)), model.recognised.graph.continuesText ? "lm_head" : nil]
    var names: [String] = []
    for name in kept.map(pattern) + heads {
      if let name, !names.contains(name) { names.append(name) }
    }
    return names
  }

  /// A layer by name: whether the model is loaded with its head, which puts a prefix before the name, or without.
  private func pattern(_ role: TensorRole) -> String? {
    guard let name = module(of: role), let bare = module(of: role, isBare: true) else { return nil }
    guard name != bare else { return name }
    let escaped = bare.map { $0 == "." ? "\\." : String($0) }.joined()
    return "re:(.*\\.)?" + escaped + "$"
  }
}
