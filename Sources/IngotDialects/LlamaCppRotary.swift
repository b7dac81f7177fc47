// SPDX-License-Identifier: Apache-2.0
// A rotary embedding among the keys of llama.cpp's GGUF files. ggml-org/llama.cpp: src/llama-model.cpp, `load_hparams`.
import IngotCore
import IngotGraph

/// A rotary embedding among the keys of a GGUF file.
package struct LlamaCppRotary: Sendable {
  /// What stands before the keys.
  let prefix: String
  /// The key of config.json of the base for layers that see a window, where they have one of their own.
  var windowBaseKey: String?
  /// Whether divisors for short and for long texts are tensors.
  var hasFactors = false
  /// Whether a file that turns heads whole has to say so, since a config that says nothing means a share.
  var statesShare = false

  /// The keys, whether they are written or only read.
  var spellings: [String] {
    ["freq_base", "freq_base_swa", "dimension_count", "scale_linear"].map(key)
      + ["type", "factor", "original_context_length", "attn_factor", "finetuned"].map(scalingKey)
  }

  /// Whether a scaling is kept as config.json has it beside these keys, which do not say all of it.
  func keeps(_ scaling: RotaryScaling) -> Bool {
    switch scaling {
    case .llama3, .yarn: true
    case .longrope: hasFactors
    case .none, .linear, .dynamic, .divisors: false
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
    if let windowBaseKey, let base = own[key("freq_base_swa")]?.real {
      document[windowBaseKey] = .float64(Self.shortest(base))
    }
    let head = document["head_dim"]?.integer ?? Self.headDimension(document)
    // A file without the key means all of a head.
    let dimensions = own[key("dimension_count")]?.integer ?? (statesShare ? head : nil)
    if let dimensions, let head, head > 0, head != dimensions || statesShare {
      document["partial_rotary_factor"] = .float64(Self.share(dimensions, of: head))
    }
    if hasFactors, let original = own[scalingKey("original_context_length")]?.integer {
      document["original_max_position_embeddings"] = .int64(Int64(original))
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

  /// The share of a head that makes so many numbers when it is rounded down.
  private static func share(_ dimensions: Int, of head: Int) -> Double {
    let share = Double(dimensions) / Double(head)
    return RotaryParameters(base: 1, share: share).turnedCount(of: head) == dimensions ? share : share.nextUp
  }

  /// Numbers of F32 as they were written in decimal.
  package static func shortest(_ number: Double) -> Double { Double("\(Float(number))") ?? number }

  /// The keys for a rotary embedding.
  ///
  /// - Parameter config: the numbers of the model.
  /// - Returns: keys in the program's order.
  func keys(_ config: ModelConfig) -> [Metadata.Entry] {
    let rotary = config[.rotary]
    var keys: [Metadata.Entry] = [
      .init(
        key: key("dimension_count"), value: .uint32(UInt32(clamping: 2 * config.rotarySchedule.pairCount))),
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
    case .longrope(let longrope):
      add("original_context_length", .uint32(UInt32(clamping: longrope.original)))
      add("attn_factor", .float32(Float(config.rotarySchedule.attentionFactor)))
    case .none, .dynamic, .llama3, .divisors: break
    }
    if windowBaseKey != nil {
      keys.append(.init(key: key("freq_base_swa"), value: .float32(Float(config[.windowRotary].base))))
    }
    return keys
  }

  /// What cosine and sine are multiplied with, as a file says it whose scaling has two lists of divisors.
  ///
  /// - Parameters:
  ///   - own: the container's metadata.
  ///   - schedule: what is computed where no key says it.
  /// - Returns: the number; `nil` where the file says nothing else than the schedule's formula.
  package func attentionFactor(in own: Metadata, beside schedule: RotarySchedule) -> Double? {
    guard let stated = own[scalingKey("attn_factor")]?.real else { return nil }
    return Float(stated) == Float(schedule.attentionFactor) ? nil : Self.shortest(stated)
  }
}
