// SPDX-License-Identifier: Apache-2.0
// The configs of Qwen2, whose queries, keys and values have biases, and of Qwen3, whose queries and keys are normalized head by
// head. Qwen Team, "Qwen2 Technical Report", 2024; "Qwen3 Technical Report", 2025.
// huggingface/transformers: src/transformers/models/qwen2/configuration_qwen2.py, models/qwen3/configuration_qwen3.py.
import IngotCore

extension Architecture {
  /// Qwen2 and 2.5.
  package static let qwen2 = decoder(
    id: "qwen2", title: "Qwen2",
    sizes: DecoderSizes(qwenSizes),
    keys: .qwenWindow,
    // Qwen/Qwen2.5-0.5B and Qwen2.5-7B: config.json.
    presets: [
      ModelPreset("qwen2.5-0.5b") { config in
        config[.width] = 896
        config[.blockCount] = 24
        config[.headCount] = 14
        config[.keyHeadCount] = 2
        config[.feedForwardWidth] = 4864
        config[.tiesHead] = true
        config[.rotary] = RotaryParameters(base: 1_000_000)
      },
      ModelPreset("qwen2.5-7b") { config in
        config[.vocabularySize] = 152_064
        config[.contextLength] = 131_072
        config[.width] = 3584
        config[.blockCount] = 28
        config[.headCount] = 28
        config[.keyHeadCount] = 4
        config[.feedForwardWidth] = 18_944
        config[.rotary] = RotaryParameters(base: 1_000_000)
      },
    ],
    fixed: { $0[.inputBias] = true })

  /// Qwen3, but for its mixtures of experts.
  package static let qwen3 = decoder(
    id: "qwen3", title: "Qwen3",
    sizes: DecoderSizes {
      qwenSizes(&$0)
      $0.headDimension = .value(128)
    },
    keys: [ConfigKey("attention_bias", .flag(.attentionBias, .value(false)))] + .qwenWindow,
    // Qwen/Qwen3-0.6B: config.json.
    presets: [
      ModelPreset("qwen3-0.6b") { config in
        config[.contextLength] = 40_960
        config[.width] = 1024
        config[.blockCount] = 28
        config[.headCount] = 16
        config[.keyHeadCount] = 8
        config[.feedForwardWidth] = 3072
        config[.tiesHead] = true
        config[.rotary] = RotaryParameters(base: 1_000_000)
      }
    ],
    fixed: { $0[.normalizesHeads] = true })

  private static let qwenSizes: @Sendable (inout DecoderSizes) -> Void = {
    $0.vocabulary = 151_936
    $0.feedForward = 22_016
    $0.context = 32_768
    $0.keyHeads = .value(32)
  }
}

extension [ConfigKey] {
  /// Which blocks see a window: those from one on where it is used at all, unless the layers are listed.
  fileprivate static let qwenWindow: [ConfigKey] = [
    ConfigKey("use_sliding_window", .flag(.usesWindow, .value(false))),
    ConfigKey("sliding_window", .optionalCount(.window, absent: 4096, limit: 1 << 28)),
    ConfigKey("max_window_layers", .index(.firstWindowBlock, absent: 28, limit: 1 << 20)),
    ConfigKey("layer_types", .layers(.windowBlocks)),
  ]
}
