// SPDX-License-Identifier: Apache-2.0
// The config of SmolLM3, some of whose layers do not turn queries and keys.
// Yang et al., "RoPE to NoPE and Back Again", 2025; huggingface/transformers:
// src/transformers/models/smollm3/configuration_smollm3.py.
import IngotCore

extension ConfigField where Value == [Bool] {
  /// Which blocks turn queries and keys, where they are listed; empty where they are not.
  package static let turningBlocks = ConfigField("turningBlocks", standard: [])
}

extension ConfigField where Value == Int {
  /// Of so many blocks the last does not turn queries and keys; 0 where all do.
  package static let turningPeriod = ConfigField("turningPeriod", standard: 0)
}

extension ConfigField where Value == Bool {
  /// Whether the blocks that see a window are those that do not turn, unless they are listed.
  package static let windowsUnturned = ConfigField("windowsUnturned", standard: false)
}

extension ModelConfig {
  /// Whether a block turns queries and keys.
  package func turns(inBlock block: Int) -> Bool {
    let listed = self[.turningBlocks]
    if listed.indices.contains(block) { return listed[block] }
    return self[.turningPeriod] == 0 || !(block + 1).isMultiple(of: self[.turningPeriod])
  }
}

extension Architecture {
  /// SmolLM3.
  package static let smolLM3 = decoder(
    id: "smollm3", title: "SmolLM3",
    sizes: DecoderSizes {
      $0.vocabulary = 128_256
      $0.width = 2048
      $0.blocks = 36
      $0.heads = 16
      $0.keyHeads = .value(4)
      $0.context = 32_768
      $0.tiesHead = true
      $0.rotary = .rotary(RotaryRule(base: 2_000_000))
    },
    keys: [
      ConfigKey("attention_bias", .flag(.attentionBias, .value(false))),
      ConfigKey("mlp_bias", .flag(.feedForwardBias, .value(false))),
      ConfigKey("no_rope_layers", .blockFlags(.turningBlocks), isLeftOutWhenNull: true),
      ConfigKey("no_rope_layer_interval", .count(.turningPeriod, .value(4), limit: 1 << 20)),
      ConfigKey("use_sliding_window", .flag(.usesWindow, .value(false))),
      ConfigKey("sliding_window", .optionalCount(.window, absent: 0, limit: 1 << 28)),
      ConfigKey("layer_types", .layers(.windowBlocks)),
      ConfigKey("max_window_layers", .informational),
    ],
    // HuggingFaceTB/SmolLM3-3B: config.json.
    presets: [
      ModelPreset("smollm3-3b") { config in
        config[.contextLength] = 65_536
        config[.rotary] = RotaryParameters(base: 5_000_000)
      }
    ],
    fixed: { $0[.windowsUnturned] = true })
}
