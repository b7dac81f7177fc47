// SPDX-License-Identifier: Apache-2.0
// A rotary embedding among the keys of llama.cpp's GGUF files. ggml-org/llama.cpp: src/llama-model.cpp, `load_hparams`.
import IngotCore
import IngotGraph

/// A rotary embedding among the keys of a GGUF file.
struct LlamaCppRotary: Sendable {
  /// What stands before the keys.
  let prefix: String

  /// The keys, whether they are written or only read.
  var spellings: [String] {
    ["freq_base", "dimension_count", "scale_linear"].map(key)
      + ["type", "factor", "original_context_length", "attn_factor", "finetuned"].map(scalingKey)
  }

  /// Whether a scaling is kept as config.json has it beside these keys, which do not say all of it.
  func keeps(_ scaling: RotaryScaling) -> Bool {
    switch scaling {
    case .llama3, .yarn: true
    case .none, .linear, .dynamic, .longrope, .divisors: false
    }
  }

  private func key(_ name: String) -> String { "\(prefix).rope.\(name)" }
  private func scalingKey(_ name: String) -> String { "\(prefix).rope.scaling.\(name)" }

  /// Adds what the keys say, as config.json spells it.
  ///
  /// - Parameters:
  ///   - own: the container's metadata.
  ///   - document: gets `rope_theta` and `rope_scaling`.
  func read(_ own: Metadata, into document: inout Metadata) {
    if let base = own[key("freq_base")]?.real { document["rope_theta"] = .float64(Self.shortest(base)) }
    if let dimensions = own[key("dimension_count")]?.integer {
      let head = document["head_dim"]?.integer ?? Self.headDimension(document)
      if let head, head > 0, head != dimensions {
        document["partial_rotary_factor"] = .float64(Double(dimensions) / Double(head))
      }
    }
    var entries: [Metadata.Entry] = []
    // A file without a type means linear, as the program takes it, and a factor of 0 none.
    let linear = own[key("scale_linear")]?.real
    let factor = (own[scalingKey("factor")]?.real ?? linear).flatMap { $0 == 0 ? nil : Self.shortest($0) }
    let type = own.string(scalingKey("type")) ?? (factor == nil ? "none" : "linear")
    if type == "none" || type == "linear" && (factor ?? 1) == 1 { return }
    entries.append(.init(key: "rope_type", value: .string(type)))
    if let factor { entries.append(.init(key: "factor", value: .float64(factor))) }
    if let original = own[scalingKey("original_context_length")]?.integer {
      entries.append(.init(key: "original_max_position_embeddings", value: .int64(Int64(original))))
    }
    if type == "yarn", let attention = own[scalingKey("attn_factor")]?.real, attention != 1 {
      let whole = Self.shortest(attention) * YarnScaling.magnitude(factor: factor ?? 1)
      entries.append(.init(key: "attention_factor", value: .float64(whole)))
    }
    document["rope_scaling"] = .object(Metadata(entries))
  }

  private static func headDimension(_ document: Metadata) -> Int? {
    guard let width = document["hidden_size"]?.integer, let heads = document["num_attention_heads"]?.integer,
      heads > 0
    else { return nil }
    return width / heads
  }

  /// Numbers of F32 as they were written in decimal.
  private static func shortest(_ number: Double) -> Double { Double("\(Float(number))") ?? number }

  /// The keys for a rotary embedding.
  ///
  /// - Parameter config: the numbers of the model.
  /// - Returns: keys in the program's order.
  func keys(_ config: ModelConfig) -> [Metadata.Entry] {
    let rotary = config[.rotary]
    var keys: [Metadata.Entry] = [
      .init(key: key("dimension_count"), value: .uint32(UInt32(clamping: config.headDimension))),
      .init(key: key("freq_base"), value: .float32(Float(rotary.base))),
    ]
    func add(_ name: String, _ value: MetadataValue) {
      keys.append(.init(key: scalingKey(name), value: value))
    }
    switch rotary.scaling {
    case .linear(let factor):
      add("type", .string("linear"))
      add("factor", .float32(Float(factor)))
    case .yarn(let yarn):
      let schedule = config.rotarySchedule
      let factor = schedule.factor(of: yarn)
      add("type", .string("yarn"))
      add("factor", .float32(Float(factor)))
      add("original_context_length", .uint32(UInt32(clamping: yarn.original)))
      let share = schedule.attentionFactor / YarnScaling.magnitude(factor: factor)
      if share != 1 { add("attn_factor", .float32(Float(share))) }
    case .none, .dynamic, .llama3, .longrope, .divisors: break
    }
    return keys
  }
}
