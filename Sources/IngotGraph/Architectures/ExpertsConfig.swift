// SPDX-License-Identifier: Apache-2.0
// The configs of mixtures of experts: Mixtral, Qwen2-MoE and Qwen3-MoE.
// Jiang et al., "Mixtral of Experts", 2024; Qwen Team, "Qwen1.5-MoE", 2024; "Qwen3 Technical Report", 2025;
// huggingface/transformers: src/transformers/models/mixtral/configuration_mixtral.py, qwen2_moe/configuration_qwen2_moe.py,
// qwen3_moe/configuration_qwen3_moe.py.
import IngotCore

extension ConfigField where Value == Int {
  /// Experts of a block; 0 for a model without.
  package static let expertCount = ConfigField("expertCount", standard: 0)
  /// Experts that each token takes.
  package static let chosenExpertCount = ConfigField("chosenExpertCount", standard: 0)
  /// Numbers between an expert's projections; 0 for as many as in a block without experts.
  package static let expertWidth = ConfigField("expertWidth", standard: 0)
  /// Those of the expert that all tokens take; 0 for none.
  package static let sharedExpertWidth = ConfigField("sharedExpertWidth", standard: 0)
  /// Of so many blocks the last has experts.
  package static let expertPeriod = ConfigField("expertPeriod", standard: 1)
  /// The first block that sees no window, where those before may.
  package static let windowEndBlock = ConfigField("windowEndBlock", standard: Int.max)
}

extension ConfigField where Value == [Int] {
  /// Blocks without experts, whatever their number.
  package static let plainBlocks = ConfigField("plainBlocks", standard: [])
}

extension ConfigField where Value == Bool {
  /// Whether routers and experts have biases.
  package static let expertBias = ConfigField("expertBias", standard: false)
  /// Whether shares are of those chosen, and not of all experts.
  package static let normalizesShares = ConfigField("normalizesShares", standard: true)
}

extension ConfigField where Value == Double {
  /// The bound of what an expert's gate lets through; 0 for none.
  package static let expertBound = ConfigField("expertBound", standard: 0)
  /// What a bounded gate is multiplied by in its sigmoid.
  package static let expertAlpha = ConfigField("expertAlpha", standard: 1)
}

extension ModelConfig {
  /// Whether a block has experts.
  package func hasExperts(inBlock block: Int) -> Bool {
    self[.expertCount] > 0 && (block + 1).isMultiple(of: max(1, self[.expertPeriod]))
      && !self[.plainBlocks].contains(block)
  }

  /// Numbers between an expert's projections.
  package var expertWidth: Int { self[.expertWidth] > 0 ? self[.expertWidth] : feedForwardWidth }
}

extension Architecture {
  /// Mixtral.
  package static let mixtral = decoder(
    id: "mixtral", title: "Mixtral",
    sizes: DecoderSizes {
      $0.feedForward = 14_336
      $0.context = 131_072
      $0.keyHeads = .value(8)
      $0.epsilon = 1e-5
      $0.rotary = .rotary(RotaryRule(base: 1_000_000))
    },
    keys: [
      ConfigKey("sliding_window", .optionalCount(.window, absent: 0, limit: 1 << 28)),
      ConfigKey(
        "num_local_experts", .count(.expertCount, .value(8), limit: 1 << 16), aliases: ["num_experts"]),
      ConfigKey("num_experts_per_tok", .count(.chosenExpertCount, .value(2), limit: 1 << 16)),
      ConfigKey("attention_bias", .onlyValue(.bool(false))), ConfigKey("mlp_bias", .onlyValue(.bool(false))),
      ConfigKey("norm_topk_prob", .onlyValue(.bool(true))),
      ConfigKey("routed_scaling_factor", .onlyValue(.float64(1))),
    ] + .expertRemarks,
    // mistralai/Mixtral-8x7B-v0.1: config.json.
    presets: [
      ModelPreset("mixtral-8x7b") { $0[.contextLength] = 32_768 }
    ])

  /// Qwen1.5-MoE and Qwen2-MoE.
  package static let qwen2MoE = decoder(
    id: "qwen2_moe", title: "Qwen2-MoE", classes: "Qwen2Moe",
    sizes: DecoderSizes {
      qwenMoESizes(&$0)
      $0.blocks = 24
      $0.heads = 16
      $0.keyHeads = .value(16)
      $0.feedForward = 5632
    },
    keys: .qwenExperts(chosen: 4, width: 1408) + [
      ConfigKey("num_experts", .index(.expertCount, absent: 60, limit: 1 << 16)),
      ConfigKey(
        "shared_expert_intermediate_size", .count(.sharedExpertWidth, .value(5632), limit: 1 << 24)),
      ConfigKey("qkv_bias", .flag(.inputBias, .value(true))),
      // What transformers writes where there is none.
      ConfigKey("sliding_window", .index(.window, absent: 4096, limit: 1 << 28)),
      ConfigKey("max_window_layers", .index(.windowEndBlock, absent: 28, limit: 1 << 20)),
      ConfigKey("layer_types", .layers(.windowBlocks)),
    ],
    // Qwen/Qwen1.5-MoE-A2.7B: config.json.
    presets: [
      ModelPreset("qwen1.5-moe-a2.7b") { config in
        config[.contextLength] = 8192
        config[.rotary] = RotaryParameters(base: 1_000_000)
      }
    ],
    fixed: { $0[.windowPeriod] = 2 })

  /// Qwen3's mixtures of experts.
  package static let qwen3MoE = decoder(
    id: "qwen3_moe", title: "Qwen3-MoE", classes: "Qwen3Moe",
    sizes: DecoderSizes {
      qwenMoESizes(&$0)
      $0.blocks = 24
      $0.heads = 32
      $0.keyHeads = .value(4)
      $0.feedForward = 6144
    },
    keys: .qwenExperts(chosen: 8, width: 768) + [
      ConfigKey(
        "num_experts", .index(.expertCount, absent: 128, limit: 1 << 16), aliases: ["num_local_experts"]),
      ConfigKey("attention_bias", .flag(.attentionBias, .value(false))),
      ConfigKey("sliding_window", .optionalCount(.window, absent: 4096, limit: 1 << 28)),
      // All of its layers see the window, where it is used.
      ConfigKey("max_window_layers", .informational),
    ],
    // Qwen/Qwen3-30B-A3B: config.json.
    presets: [
      ModelPreset("qwen3-30b-a3b") { config in
        config[.contextLength] = 40_960
        config[.blockCount] = 48
        config[.headDimension] = 128
        config[.normalizesShares] = true
        config[.rotary] = RotaryParameters(base: 1_000_000)
      }
    ],
    fixed: { $0[.normalizesHeads] = true })

  private static let qwenMoESizes: @Sendable (inout DecoderSizes) -> Void = {
    $0.vocabulary = 151_936
    $0.context = 32_768
    $0.width = 2048
  }
}

extension [ConfigKey] {
  /// Keys of Qwen's mixtures of experts, but for how many there are.
  fileprivate static func qwenExperts(chosen: Int, width: Int) -> [ConfigKey] {
    [
      ConfigKey("num_experts_per_tok", .count(.chosenExpertCount, .value(chosen), limit: 1 << 16)),
      ConfigKey("moe_intermediate_size", .count(.expertWidth, .value(width), limit: 1 << 24)),
      ConfigKey("norm_topk_prob", .flag(.normalizesShares, .value(false))),
      ConfigKey("decoder_sparse_step", .count(.expertPeriod, .value(1), limit: 1 << 20)),
      ConfigKey("mlp_only_layers", .blockNumbers(.plainBlocks)),
      ConfigKey("use_sliding_window", .flag(.usesWindow, .value(false))),
      ConfigKey("mlp_bias", .onlyValue(.bool(false))),
    ] + .expertRemarks
  }

  /// What counts in training only.
  static let expertRemarks: [ConfigKey] = .informational(
    "output_router_logits", "router_aux_loss_coef", "router_jitter_noise")
}
